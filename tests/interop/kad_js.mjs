// Our DHT against js-libp2p's kad-dht, in both directions. Usage: kad_js.mjs KAD_PEER
import './compat.mjs'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { create as digest } from 'multiformats/hashes/digest'
import { expectExactly, testCase } from './expect_cases.mjs'

const [program] = process.argv.slice(2)
const PROTOCOL = '/dig/kad/1.0.0'
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(condition, what, seconds = 15) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await wait(50)) {
    const value = await condition()
    if (value) return value
  }
  throw new Error(`not within ${seconds} s: ${what}`)
}

/** A store id, and the CID under which its providers are recorded: raw, with the id as a SHA-256 multihash. */
function newStore() {
  const bytes = randomBytes(32)
  return { hex: bytes.toString('hex'), cid: CID.createV1(0x55, digest(0x12, bytes)) }
}

async function js({ clientMode = false } = {}) {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      dht: kadDHT({ protocol: PROTOCOL, clientMode, peerInfoMapper: passthroughMapper, initialQuerySelfInterval: 100 })
    }
  })
}

class Ours {
  constructor() {
    this.child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]()
    const { promise, resolve } = Promise.withResolvers()
    this.ended = promise
    this.child.on('exit', resolve)
  }
  static async start() {
    const ours = new Ours()
    const [, port, id] = (await ours.lines.next()).value.split(' ')
    return Object.assign(ours, { port, id, address: multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${id}`) })
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
  async knows(peer) {
    return (await this.must('state')).contacts.includes(peer.toString())
  }
  async found(store) {
    return (await this.must('find', store.hex)).providers.map((row) => row.peer)
  }
  async stop() {
    this.child.stdin.end()
    assert.equal(await this.ended, 0)
  }
}

/** Both in each other's table. */
async function meet(node, ours) {
  await node.dial(ours.address)
  await until(() => ours.knows(node.peerId), 'js in our table')
  await until(() => node.services.dht.routingTable.size > 0, 'we in the table of js')
}

async function providersFor(node, store, wanted = 1, seconds = 15) {
  const out = []
  try {
    for await (const provider of node.contentRouting.findProviders(store.cid, { signal: AbortSignal.timeout(seconds * 1000) })) {
      if (!out.includes(provider.id.toString())) out.push(provider.id.toString())
      if (out.length >= wanted) break
    }
  } catch (error) {
    if (out.length > 0 || !/abort|timed? ?out|not ?found/i.test(`${error.name} ${error.message}`)) throw error
  }
  return out
}

await testCase('js finds a store that we have', async () => {
  const [ours, node, store] = [await Ours.start(), await js(), newStore()]
  await ours.must('offer', store.hex)
  await meet(node, ours)
  assert.deepEqual(await providersFor(node, store), [ours.id])
  await node.stop()
  await ours.stop()
}, 60)

await testCase('js finds a store that another of ours has, through one of ours', async () => {
  const [holder, between, node, store] = [await Ours.start(), await Ours.start(), await js(), newStore()]
  await holder.must('dial', between.address)
  await holder.must('offer', store.hex)
  await until(async () => (await between.must('state')).records > 0, 'the record')
  await meet(node, between)
  assert.deepEqual(await providersFor(node, store), [holder.id])
  await node.stop()
  await holder.stop()
  await between.stop()
}, 60)

await testCase('js is taken into our table when it serves, and not as a client', async () => {
  const [ours, server, client] = [await Ours.start(), await js(), await js({ clientMode: true })]
  await client.dial(ours.address)
  await meet(server, ours)
  assert.ok(!(await ours.knows(client.peerId)))
  await client.services.dht.setMode('server')
  await until(() => ours.knows(client.peerId), 'it serves now, and said so')
  await Promise.all([server.stop(), client.stop()])
  await ours.stop()
}, 60)

await testCase('js tells us of a store, and another js finds it through us', async () => {
  const [ours, holder, seeker, store] = [await Ours.start(), await js(), await js(), newStore()]
  await meet(holder, ours)
  await holder.contentRouting.provide(store.cid, { signal: AbortSignal.timeout(15000) })
  await until(async () => (await ours.must('state')).records > 0, 'the record')
  await meet(seeker, ours)
  assert.deepEqual(await providersFor(seeker, store), [holder.peerId.toString()])
  await Promise.all([holder.stop(), seeker.stop()])
  await ours.stop()
}, 60)

await testCase('js finds a peer through us', async () => {
  const [ours, seeker, sought] = [await Ours.start(), await js(), await js()]
  await meet(sought, ours)
  await meet(seeker, ours)
  const found = await seeker.peerRouting.findPeer(sought.peerId, { signal: AbortSignal.timeout(15000) })
  assert.equal(found.id.toString(), sought.peerId.toString())
  assert.ok(found.multiaddrs.length > 0)
  await Promise.all([seeker.stop(), sought.stop()])
  await ours.stop()
}, 60)

await testCase('js asks us for a value, and is told that there is none', async () => {
  const [ours, node] = [await Ours.start(), await js()]
  await meet(node, ours)
  await assert.rejects(node.contentRouting.get(Buffer.from('/pk/' + 'x'.repeat(34)), { signal: AbortSignal.timeout(8000) }))
  assert.equal(node.getConnections().length, 1, 'and the connection lives')
  await node.stop()
  await ours.stop()
}, 60)

await testCase('we find a store that js has', async () => {
  const [ours, node, store] = [await Ours.start(), await js(), newStore()]
  await ours.must('dial', node.getMultiaddrs()[0])
  await until(() => ours.knows(node.peerId), 'js in our table')
  await node.contentRouting.provide(store.cid, { signal: AbortSignal.timeout(15000) })
  assert.deepEqual(await ours.found(store), [node.peerId.toString()])
  await node.stop()
  await ours.stop()
}, 60)

await testCase('we find a store that js has, through js alone', async () => {
  const [ours, holder, between, store] = [await Ours.start(), await js(), await js(), newStore()]
  await holder.dial(between.getMultiaddrs()[0])
  await until(() => holder.services.dht.routingTable.size > 0 && between.services.dht.routingTable.size > 0, 'they know each other')
  await holder.contentRouting.provide(store.cid, { signal: AbortSignal.timeout(15000) })
  await ours.must('dial', between.getMultiaddrs()[0])
  await until(() => ours.knows(between.peerId), 'js in our table')
  const { providers } = await ours.must('find', store.hex)
  assert.deepEqual(providers.map((row) => row.peer), [holder.peerId.toString()])
  assert.ok(providers[0].addresses.length > 0)
  await Promise.all([holder.stop(), between.stop()])
  await ours.stop()
}, 60)

await testCase('we tell js of a store, and another js finds it there', async () => {
  const [ours, between, seeker, store] = [await Ours.start(), await js(), await js(), newStore()]
  await ours.must('dial', between.getMultiaddrs()[0])
  await until(() => ours.knows(between.peerId), 'js in our table')
  await ours.must('offer', store.hex)
  await seeker.dial(between.getMultiaddrs()[0])
  await until(() => seeker.services.dht.routingTable.size > 0, 'they know each other')
  await until(async () => (await providersFor(seeker, store, 1, 5)).includes(ours.id), 'our store', 30)
  await Promise.all([between.stop(), seeker.stop()])
  await ours.stop()
}, 60)

await testCase('we leave js alone while we are a client, and js us', async () => {
  const [ours, node] = [await Ours.start(), await js()]
  await ours.must('serve', 'off')
  await node.dial(ours.address)
  await until(() => ours.knows(node.peerId), 'js in our table')
  await wait(500)
  assert.equal(node.services.dht.routingTable.size, 0, 'a client is in nobody\'s table')
  await ours.must('serve', 'on')
  await until(() => node.services.dht.routingTable.size > 0, 'a push told it')
  await node.stop()
  await ours.stop()
}, 60)

/** Length, and a message of the given fields, each a tag and bytes or a number below 128. */
function message(...fields) {
  const body = Buffer.concat(fields.map(([tag, value]) => typeof value === 'number'
    ? Buffer.from([tag << 3, value])
    : Buffer.concat([Buffer.from([(tag << 3) | 2, value.length]), value])))
  assert.ok(body.length < 128)
  return Buffer.concat([Buffer.from([body.length]), body])
}
async function raw(node, ours, bytes) {
  const stream = await node.dialProtocol(ours.address, PROTOCOL)
  const chunks = []
  try {
    stream.send(bytes)
    await stream.close({ signal: AbortSignal.timeout(3000) }).catch(() => {})
    for await (const chunk of stream) chunks.push(Buffer.from(chunk.subarray()))
  } catch {
    return null
  }
  return stream.status === 'reset' || stream.status === 'aborted' ? null : Buffer.concat(chunks)
}

await testCase('a message of garbage, too long or cut off is reset, and the connection lives', async () => {
  const [ours, node] = [await Ours.start(), await js()]
  await meet(node, ours)
  const good = message([1, 5])
  assert.ok((await raw(node, ours, good)).length > 0, 'a ping is answered')
  for (const bad of [Buffer.from([3, 0xff, 0xff, 0xff]), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f]), good.subarray(0, 1),
    message([1, 9]), message([1, 0], [2, Buffer.from('/v/x')])]) {
    const answer = await raw(node, ours, bad)
    assert.ok(answer === null || answer.length === 0, `${bad.toString('hex')}: ${answer?.toString('hex')}`)
  }
  assert.ok((await raw(node, ours, good)).length > 0)
  await node.stop()
  await ours.stop()
}, 60)

await testCase('js is not believed of a provider that is not the teller', async () => {
  const [ours, node, other, store] = [await Ours.start(), await js(), await js(), newStore()]
  await meet(node, ours)
  const someone = (id) => Buffer.concat([Buffer.from([0x0a, id.toMultihash().bytes.length]), id.toMultihash().bytes,
    Buffer.from([0x12, 8, 4, 127, 0, 0, 1, 6, 0x0f, 0xa1])])
  const told = (id) => message([1, 2], [2, Buffer.from(store.cid.multihash.bytes)], [9, someone(id)])
  await raw(node, ours, told(other.peerId))
  assert.equal((await ours.must('state')).records, 0)
  await raw(node, ours, told(node.peerId))
  await until(async () => (await ours.must('state')).records === 1, 'its own word')
  await Promise.all([node.stop(), other.stop()])
  await ours.stop()
}, 60)

expectExactly(join(dirname(fileURLToPath(import.meta.url)), 'kad_cases.txt'))
