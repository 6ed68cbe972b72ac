// Our QUIC against js-libp2p's (quinn underneath), in both roles. Usage: quic_js.mjs QUIC_PEER
import './compat.mjs'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { createLibp2p } from 'libp2p'
import { quic } from '@chainsafe/libp2p-quic'
import { multiaddr } from '@multiformats/multiaddr'
import { expectExactly, testCase } from './expect_cases.mjs'

const program = process.argv[2]
const echo = '/turnpike/echo/1'
const storeProtocol = '/turnpike/store/1'
const megabytes = 8

const host = (listen) => createLibp2p({ addresses: { listen }, transports: [quic()] })
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Our program, the lines it prints, and how it ends. */
function run(...args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const { promise, resolve } = Promise.withResolvers()
  child.on('exit', resolve)
  return { lines: createInterface(child.stdout)[Symbol.asyncIterator](), ended: promise, child }
}

async function listener(...args) {
  const ours = run('listen', ...args)
  const [port, peer, store, size, root] = (await ours.lines.next()).value.split(' ')
  const address = multiaddr(`/ip4/127.0.0.1/udp/${port}/quic-v1/p2p/${peer}`)
  const stop = async () => {
    ours.child.stdin.end()
    assert.equal(await ours.ended, 0)
  }
  return { port, peer, store: Buffer.from(store, 'hex'), size: Number(size), root: Buffer.from(root, 'hex'), address, stop }
}

async function send(stream, bytes) {
  for (let at = 0; at < bytes.length; at += 65536) {
    if (!stream.send(bytes.subarray(at, at + 65536))) {
      await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
    }
  }
}

async function* parts(stream) {
  for await (const chunk of stream) yield* chunk instanceof Uint8Array ? [chunk] : chunk
}

async function takeAll(stream) {
  const all = []
  for await (const part of parts(stream)) all.push(Buffer.from(part))
  return Buffer.concat(all)
}

async function echoed(stream, bytes) {
  const writing = send(stream, bytes).then(() => stream.close())
  const back = await takeAll(stream)
  await writing
  return back
}

// The little of protobuf that /turnpike/store/1 needs: varints and bytes.
const varint = (value) => {
  const out = []
  for (; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) + 128)
  return Buffer.from([...out, value])
}
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)])
const bytes = (field, value) => Buffer.concat([varint(field * 8 + 2), varint(value.length), value])
const framed = (message) => Buffer.concat([varint(message.length), message])
function readVarint(buffer, at) {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    if (at >= buffer.length) return undefined
    const byte = buffer[at++]
    value += (byte % 128) * scale
    if (byte < 128) return [value, at]
  }
}
function fields(buffer) {
  const out = {}
  for (let at = 0; at < buffer.length;) {
    let key, value
    ;[key, at] = readVarint(buffer, at)
    ;[value, at] = readVarint(buffer, at)
    if (key % 8 === 2) {
      out[key >> 3] = buffer.subarray(at, at + value)
      at += value
    } else out[key >> 3] = value
  }
  return out
}
const content = (size, root) => Buffer.concat([number(1, size), bytes(2, root)])

/** Serves `held` as a store to whoever asks for ranges of it. */
function serveStore(held, size, root) {
  return async (stream) => {
    let buffer = Buffer.alloc(0)
    for await (const part of parts(stream)) {
      buffer = Buffer.concat([buffer, part])
      for (;;) {
        const length = readVarint(buffer, 0)
        if (!length || buffer.length < length[1] + length[0]) break
        const request = fields(buffer.subarray(length[1], length[1] + length[0]))
        buffer = buffer.subarray(length[1] + length[0])
        const range = fields(request[6])
        const [offset, count] = [range[1] ?? 0, range[2]]
        const header = Buffer.concat([number(1, 1), bytes(2, content(size, root)), number(3, offset), number(4, count)])
        await send(stream, framed(header))
        await send(stream, held.subarray(offset, offset + count))
      }
    }
    await stream.close()
  }
}

/** The whole store, in ranges of 1 MiB, over one stream. */
async function fetchStore(stream, ours) {
  const request = (offset, length) =>
    framed(Buffer.concat([bytes(1, ours.store), bytes(2, content(ours.size, ours.root)),
      bytes(6, Buffer.concat([number(1, offset), number(2, length)]))]))
  const out = []
  const input = parts(stream)[Symbol.asyncIterator]()
  let buffer = Buffer.alloc(0)
  const need = async (done) => {
    for (let got; !(got = done());) {
      const { value, done: ended } = await input.next()
      assert(!ended, 'the stream ended early')
      buffer = Buffer.concat([buffer, value])
    }
  }
  for (let offset = 0; offset < ours.size; offset += 1 << 20) {
    const length = Math.min(1 << 20, ours.size - offset)
    await send(stream, request(offset, length))
    let head
    await need(() => (head = readVarint(buffer, 0)) && buffer.length >= head[0] + head[1])
    const header = fields(buffer.subarray(head[1], head[1] + head[0]))
    assert.equal(header[1], 1)
    assert.equal(header[4], length)
    buffer = buffer.subarray(head[1] + head[0])
    await need(() => buffer.length >= length)
    out.push(Buffer.from(buffer.subarray(0, length)))
    buffer = buffer.subarray(length)
  }
  await stream.close()
  return Buffer.concat(out)
}

/** BEP 52: leaves of 16 KiB, padded with zero hashes to the power of two above; pieces of 1 MiB. */
function rootOf(data) {
  const hash = (a, b) => createHash('sha256').update(a).update(b).digest()
  const level = (nodes, zero, upTo) => {
    nodes = [...nodes]
    while (nodes.length < upTo) nodes.push(zero)
    while (nodes.length > 1) {
      nodes = nodes.filter((_, i) => i % 2 === 0).map((node, i) => hash(node, nodes[2 * i + 1]))
    }
    return nodes[0]
  }
  const power = (n) => 2 ** Math.ceil(Math.log2(n))
  const leaves = []
  for (let at = 0; at < data.length; at += 16384) leaves.push(createHash('sha256').update(data.subarray(at, at + 16384)).digest())
  const zero = Buffer.alloc(32)
  if (data.length <= 1 << 20) return level(leaves, zero, power(leaves.length))
  const pieces = []
  for (let at = 0; at < leaves.length; at += 64) pieces.push(level(leaves.slice(at, at + 64), zero, 64))
  return level(pieces, level([], zero, 64), power(pieces.length))
}

const node = await host([])
{
  const ours = await listener()
  await testCase('js dials: both peers are who they say', async () => {
    const connection = await node.dial(ours.address)
    assert.equal(connection.remotePeer.toString(), ours.peer)
  })
  await testCase('js dials: 8 MiB each way over a stream', async () => {
    const sent = randomBytes(megabytes << 20)
    const back = await echoed(await node.dialProtocol(ours.address, echo), sent)
    assert.equal(sha256(back), sha256(sent))
  })
  await testCase('js dials: a protocol that we do not speak is refused', async () => {
    await assert.rejects(node.dialProtocol(ours.address, '/turnpike/nothing/1'))
  })
  await testCase('js dials: a wrong peer id is refused', async () => {
    const other = node.peerId.toString()
    const stranger = await host([])
    await assert.rejects(stranger.dial(multiaddr(`/ip4/127.0.0.1/udp/${ours.port}/quic-v1/p2p/${other}`)))
    await stranger.stop()
  })
  await testCase('js dials: a store of ours arrives whole', async () => {
    const got = await fetchStore(await node.dialProtocol(ours.address, storeProtocol), ours)
    assert.equal(got.length, ours.size)
    assert.equal(rootOf(got).toString('hex'), ours.root.toString('hex'))
  })
  await testCase('js dials: 20 streams at once', async () => {
    const all = Array.from({ length: 20 }, async () => {
      const sent = randomBytes(200_000)
      const back = await echoed(await node.dialProtocol(ours.address, echo), sent)
      assert.equal(sha256(back), sha256(sent))
    })
    await Promise.all(all)
  })
  await testCase('js dials: a stream that js resets leaves the connection alive', async () => {
    const dead = await node.dialProtocol(ours.address, echo)
    await send(dead, randomBytes(300_000))
    dead.abort(new Error('enough'))
    const sent = randomBytes(100_000)
    const back = await echoed(await node.dialProtocol(ours.address, echo), sent)
    assert.equal(sha256(back), sha256(sent))
  })
  await node.hangUp(ours.address)
  await ours.stop()
}
{
  const ours = await listener('update-keys')
  await testCase('js dials: 8 MiB each way while we change our keys', async () => {
    const sent = randomBytes(megabytes << 20)
    const back = await echoed(await node.dialProtocol(ours.address, echo), sent)
    assert.equal(sha256(back), sha256(sent))
  })
  await node.hangUp(ours.address)
  await ours.stop()
}
await node.stop()

{
  const held = randomBytes(5_000_000)
  const root = rootOf(held)
  const listening = await host(['/ip4/127.0.0.1/udp/0/quic-v1'])
  await listening.handle(echo, async (stream) => {
    for await (const part of parts(stream)) await send(stream, part)
    await stream.close()
  })
  await listening.handle(storeProtocol, serveStore(held, held.length, root))
  const port = listening.getMultiaddrs()[0].toString().split('/')[4]
  const dial = async (peer) => {
    const ours = run('dial', port, peer, String(megabytes), '11'.repeat(32), String(held.length), root.toString('hex'))
    const line = (await ours.lines.next()).value
    assert.equal(await ours.ended, 0)
    return line
  }
  await testCase("we dial: 8 MiB each way with changed keys, then a store of js's", async () => {
    assert.equal(await dial(listening.peerId.toString()), `FETCHED ${sha256(held)}`)
  })
  await testCase('we dial: a wrong peer id is refused', async () => {
    assert.match(await dial(node.peerId.toString()), /^REFUSED /)
  })
  await listening.stop()
}
expectExactly(new URL('quic_cases.txt', import.meta.url))
