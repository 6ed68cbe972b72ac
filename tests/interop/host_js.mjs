// Our libp2p host against js-libp2p's, in both directions. Usage: host_js.mjs HOST_PEER
import './compat.mjs'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expectExactly, testCase } from './expect_cases.mjs'

const [program] = process.argv.slice(2)
const MIB = 1 << 20
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(condition, what, seconds = 10) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await wait(20)) {
    const value = await condition()
    if (value) return value
  }
  throw new Error(`not within ${seconds} s: ${what}`)
}

/** noise() that writes down how the muxer was agreed, or never agrees on one in the handshake. */
function watchedNoise(seen, early) {
  return (components) => {
    const inner = noise()(components)
    const wrap = (name) => async (connection, options) => {
      const secured = await inner[name](connection, { ...options, skipStreamMuxerNegotiation: !early })
      seen.push(secured.streamMuxer?.protocol)
      return secured
    }
    return { protocol: inner.protocol, secureInbound: wrap('secureInbound'), secureOutbound: wrap('secureOutbound') }
  }
}

async function js({ listen = [], early = true, services = {}, ...more } = {}) {
  const seen = []
  const node = await createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [watchedNoise(seen, early)],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify(), identifyPush: identifyPush(), ping: ping(), ...services },
    ...more
  })
  return Object.assign(node, { muxers: seen })
}
const LISTEN = ['/ip4/127.0.0.1/tcp/0']

class Ours {
  constructor(megabytes) {
    this.child = spawn(program, [String(megabytes)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]()
    const { promise, resolve } = Promise.withResolvers()
    this.ended = promise
    this.child.on('exit', resolve)
  }
  static async start(megabytes = 64) {
    const ours = new Ours(megabytes)
    const [, port, id] = (await ours.lines.next()).value.split(' ')
    return Object.assign(ours, { port, id, bare: multiaddr(`/ip4/127.0.0.1/tcp/${port}`),
      address: multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${id}`) })
  }
  async ask(...words) {
    this.child.stdin.write(words.join(' ') + '\n')
    return JSON.parse((await this.lines.next()).value)
  }
  async must(...words) {
    const answer = await this.ask(...words)
    assert.ok(answer.ok, `${words[0]}: ${JSON.stringify(answer)}`)
    return answer
  }
  /** What it knows of a node that has just dialled it: the two ends do not learn of a connection at the same moment. */
  async told(node) {
    await until(async () => (await this.must('connections')).connections.some((row) => row.peer === node.peerId.toString()), 'the connection')
    return this.must('info', node.peerId)
  }
  async stop() {
    this.child.stdin.end()
    assert.equal(await this.ended, 0)
  }
}

/** onDrain() of this release resolves at once after the first drain: the event tells the truth. */
async function send(stream, bytes) {
  if (!stream.send(bytes)) await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
}

async function echo(stream) {
  for await (const chunk of stream) await send(stream, chunk)
  await stream.close()
}

async function echoed(node, target, total) {
  const stream = await node.dialProtocol(target, '/turnpike/echo/1')
  const block = new Uint8Array(64 << 10).map((_, i) => i * 7)
  const writing = (async () => {
    for (let left = total; left > 0; left -= block.length) await send(stream, block)
    await stream.close()
  })()
  let came = 0
  for await (const chunk of stream) {
    const bytes = chunk.subarray()
    for (let i = 0; i < bytes.length; i += 997) assert.equal(bytes[i], block[(came + i) % block.length])
    came += bytes.length
  }
  await writing
  return came
}

// --- js dials ---
const ours = await Ours.start()

await testCase('js dials: noise with the muxer agreed in the handshake', async () => {
  const node = await js()
  await node.dial(ours.address)
  assert.deepEqual(node.muxers, ['/yamux/1.0.0'])
  assert.equal(await echoed(node, ours.address, MIB), MIB)
  await node.stop()
})

await testCase('js dials: noise with the muxer agreed by multistream', async () => {
  const node = await js({ early: false })
  const connection = await node.dial(ours.address)
  assert.deepEqual(node.muxers, [undefined])
  assert.equal(connection.multiplexer, '/yamux/1.0.0')
  assert.equal(await echoed(node, ours.address, MIB), MIB)
  await node.stop()
})

await testCase('js dials a stranger: no peer id in the address', async () => {
  const node = await js()
  const connection = await node.dial(ours.bare)
  assert.equal(connection.remotePeer.toString(), ours.id)
  await ours.told(node)
  await node.stop()
})

await testCase('js dials: a wrong peer id is refused', async () => {
  const node = await js()
  const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  await assert.rejects(node.dial(multiaddr(`${ours.bare}/p2p/${other}`)))
  await node.stop()
})

await testCase('js dials: yamux streams, 8 MiB each way', async () => {
  const node = await js()
  const sizes = await Promise.all([1, 2, 3, 4].map(() => echoed(node, ours.address, 8 * MIB)))
  assert.deepEqual(sizes, [8 * MIB, 8 * MIB, 8 * MIB, 8 * MIB])
  await node.stop()
}, 120)

await testCase('js dials: identify', async () => {
  const node = await js({ listen: LISTEN })
  const identified = new Promise((resolve) => node.addEventListener('peer:identify', (event) => resolve(event.detail)))
  await node.dial(ours.address)
  const told = await identified
  assert.equal(told.peerId.toString(), ours.id)
  assert.equal(told.agentVersion, 'turnpike')
  assert.ok(told.protocols.includes('/ipfs/ping/1.0.0') && told.protocols.includes('/turnpike/echo/1'))
  assert.ok(told.signedPeerRecord, 'the record was taken for signed')
  assert.deepEqual(told.listenAddrs.map(String), [ours.bare.toString()])
  assert.match(told.observedAddr.toString(), /^\/ip4\/127\.0\.0\.1\/tcp\//)
  const back = await ours.told(node)
  assert.ok(back.record, 'its record holds')
  assert.match(back.agent, /js-libp2p/)
  assert.deepEqual(back.addresses, node.getMultiaddrs().map((a) => a.decapsulate('/p2p').toString()))
  await node.stop()
})

await testCase('js dials: ping', async () => {
  const node = await js()
  for (let i = 0; i < 3; ++i) assert.ok((await node.services.ping.ping(ours.address)) < 5000)
  await node.stop()
})

await testCase('js dials: push of our new address reaches js', async () => {
  const node = await js()
  await node.dial(ours.address)
  await ours.told(node)
  await ours.must('addresses', ours.bare, '/ip4/192.0.2.77/tcp/4001')
  const peer = (await node.getPeers())[0]
  await until(async () => (await node.peerStore.get(peer)).addresses.some(({ multiaddr }) => multiaddr.toString().includes('192.0.2.77')),
    'the new address in the peer store')
  await ours.must('addresses', ours.bare)
  await node.stop()
})

await testCase('js dials: push of a new js protocol reaches us', async () => {
  const node = await js({ listen: LISTEN })
  await node.dial(ours.address)
  assert.ok(!(await ours.told(node)).protocols.includes('/late/1'))
  await node.handle('/late/1', echo)
  await until(async () => (await ours.told(node)).protocols.includes('/late/1'), 'the push')
  await node.stop()
})

await testCase('js dials: identify of many addresses', async () => {
  const many = Array.from({ length: 40 }, (_, i) => multiaddr(`/dns4/${'a'.repeat(50)}-${i}.example/tcp/4001`))
  const node = await js({ addresses: { listen: LISTEN, announce: many.map(String) } })
  await node.dial(ours.address)
  const told = await ours.told(node)
  assert.equal(told.addresses.length, 40)
  await node.stop()
})

// --- we dial ---
await testCase('we dial: noise with the muxer agreed in the handshake', async () => {
  const node = await js({ listen: LISTEN })
  await ours.must('dial', node.getMultiaddrs()[0])
  assert.deepEqual(node.muxers, ['/yamux/1.0.0'])
  await node.stop()
})

await testCase('we dial: noise with the muxer agreed by multistream', async () => {
  const node = await js({ listen: LISTEN, early: false })
  await node.handle('/turnpike/echo/1', echo)
  await ours.must('dial', node.getMultiaddrs()[0])
  assert.deepEqual(node.muxers, [undefined])
  assert.equal((await ours.must('echo', node.peerId, MIB)).bytes, MIB)
  await node.stop()
})

await testCase('we dial: a wrong peer id is refused', async () => {
  const node = await js({ listen: LISTEN })
  const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const answer = await ours.ask('dial', `${node.getMultiaddrs()[0].decapsulate('/p2p')}/p2p/${other}`)
  assert.ok(!answer.ok)
  await node.stop()
})

await testCase('we dial: a stranger without a known id', async () => {
  const node = await js({ listen: LISTEN })
  const answer = await ours.must('dial', node.getMultiaddrs()[0].decapsulate('/p2p'))
  assert.equal(answer.peer, node.peerId.toString())
  await node.stop()
})

await testCase('we dial: yamux streams, 8 MiB each way', async () => {
  const node = await js({ listen: LISTEN })
  await node.handle('/turnpike/echo/1', echo)
  await ours.must('dial', node.getMultiaddrs()[0])
  assert.equal((await ours.must('echo', node.peerId, 8 * MIB)).bytes, 8 * MIB)
  await node.stop()
}, 120)

await testCase('we dial: identify', async () => {
  const node = await js({ listen: LISTEN })
  const identified = new Promise((resolve) => node.addEventListener('peer:identify', (event) => resolve(event.detail)))
  await ours.must('dial', node.getMultiaddrs()[0])
  const told = await ours.told(node)
  assert.ok(told.record && told.protocols.includes('/ipfs/id/1.0.0'))
  assert.equal((await identified).peerId.toString(), ours.id)
  await node.stop()
})

await testCase('we dial: ping', async () => {
  const node = await js({ listen: LISTEN })
  await ours.must('dial', node.getMultiaddrs()[0])
  for (let i = 0; i < 3; ++i) assert.ok((await ours.must('ping', node.peerId)).microseconds < 5e6)
  await node.stop()
})

await testCase('we dial: 32 streams of one protocol are kept and more are reset', async () => {
  const node = await js({ listen: LISTEN })
  await node.handle('/turnpike/hold/1', async (stream) => { for await (const _ of stream); })
  await ours.must('dial', node.getMultiaddrs()[0])
  await ours.told(node)
  const answer = await ours.must('streams', node.peerId, 40)
  assert.deepEqual([answer.opened, answer.usable, answer.open], [40, 32, true])
  assert.ok((await ours.must('ping', node.peerId)).ok, 'the connection is none the worse')
  await node.stop()
})

await testCase('we dial: no more than five connections a second are let in, and a later one again', async () => {
  const node = await js({ listen: LISTEN })
  const address = node.getMultiaddrs()[0]
  const dialers = await Promise.all(Array.from({ length: 12 }, () => Ours.start(1)))
  const began = Date.now()
  const answers = await Promise.all(dialers.map((dialer) => dialer.ask('dial', address)))
  const seconds = (Date.now() - began) / 1000
  const admitted = answers.filter((answer) => answer.ok).length
  assert.ok(admitted >= 5 && admitted <= 5 * Math.ceil(seconds + 1), `${admitted} of 12 within ${seconds} s`)
  await wait(1500)
  await ours.must('dial', address)  // whoever was not let in is told so, and nothing is broken
  await Promise.all(dialers.map((dialer) => dialer.stop()))
  await node.stop()
})

// --- under load ---
/** Reads all of /turnpike/blob/1 as js does, and says how much and what it was. */
async function download(node, target) {
  const stream = await node.dialProtocol(target, '/turnpike/blob/1')
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of stream) {
    for (const part of chunk) hash.update(part)
    bytes += chunk.byteLength
  }
  await stream.close()  // else it stays half open, and the next ones soon are too many
  return { bytes, sha256: hash.digest('hex') }
}
function pattern(megabytes) {
  const block = Buffer.alloc(256 << 10)
  for (let i = 0; i < block.length; ++i) block[i] = (i * 131) >> 3
  const hash = createHash('sha256')
  for (let i = 0; i < megabytes * 4; ++i) hash.update(block)
  return hash.digest('hex')
}

const heavy = await Ours.start(192)

await testCase('under load: js keeps the connection that its monitor pings while it downloads', async () => {
  // The stock monitor aborts a connection whose ping is late; here it pings three times as often, downloads always beside it.
  const node = await js({ connectionMonitor: { pingInterval: 3333 } })
  const connection = await node.dial(heavy.address)
  const expected = { bytes: 192 * MIB, sha256: pattern(192) }
  for (const began = Date.now(); Date.now() - began < 8000;) {  // two pings at least
    for (const got of await Promise.all([download(node, heavy.address), download(node, heavy.address)])) assert.deepEqual(got, expected)
  }
  assert.equal(connection.status, 'open')
  assert.ok(connection.rtt >= 0, 'the monitor has had its answers')
  await node.stop()
}, 120)

await testCase('under load: js pings us while it downloads', async () => {
  const node = await js({ connectionMonitor: { enabled: false } })  // one ping stream at a time is all that js opens
  await node.dial(heavy.address)
  let done = false
  const loads = Promise.all([download(node, heavy.address), download(node, heavy.address)]).finally(() => { done = true })
  let slowest = 0
  let pings = 0
  while (!done) {
    slowest = Math.max(slowest, await node.services.ping.ping(heavy.address))
    ++pings
    await wait(50)
  }
  for (const result of await loads) assert.equal(result.bytes, 192 * MIB)
  assert.ok(pings > 3 && slowest < 5000, `${pings} pings, the slowest ${slowest} ms`)
  await node.stop()
}, 120)

await testCase('under load: we ping js while it downloads', async () => {
  const node = await js({ listen: LISTEN })
  await heavy.must('dial', node.getMultiaddrs()[0])
  const load = download(node, heavy.address)
  for (let i = 0; i < 5; ++i) assert.ok((await heavy.must('ping', node.peerId)).microseconds < 5e6)
  assert.equal((await load).bytes, 192 * MIB)
  await node.stop()
}, 120)

await testCase('under load: we download from js what its window lets through', async () => {
  const node = await js({ listen: LISTEN })
  const block = Buffer.alloc(256 << 10, 5)
  await node.handle('/turnpike/blob/1', async (stream) => {
    for (let i = 0; i < 256; ++i) await send(stream, block)
    await stream.close()
  })
  await heavy.must('dial', node.getMultiaddrs()[0])
  const got = await heavy.must('fetch', node.peerId)
  const hash = createHash('sha256')
  for (let i = 0; i < 256; ++i) hash.update(block)
  assert.deepEqual([got.bytes, got.sha256], [64 * MIB, hash.digest('hex')])
  await node.stop()
}, 120)

await testCase('a js node that resets a stream in mid-transfer leaves the connection alive', async () => {
  const node = await js()
  const stream = await node.dialProtocol(heavy.address, '/turnpike/blob/1')
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.byteLength
    if (bytes > 4 * MIB) break
  }
  stream.abort(new Error('enough'))
  assert.equal(await echoed(node, heavy.address, MIB), MIB)
  await node.stop()
}, 60)

await ours.stop()
await heavy.stop()
expectExactly(join(dirname(fileURLToPath(import.meta.url)), 'host_cases.txt'))
