// A node that speaks only /dig/1.0.0 and /dig-discovery/1.0.0, as the public prototype does, against ours: fetches from it,
// and is fetched from. Usage: old_node_js.mjs TURNPIKE
import './compat.mjs'
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { expectExactly, testCase } from './expect_cases.mjs'

const [program] = process.argv.slice(2)
const DIG = '/dig/1.0.0'
const DISCOVERY = '/dig-discovery/1.0.0'
const run = promisify(execFile)
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const text = (bytes) => Buffer.from(bytes).toString('utf8')
const storeId = () => randomBytes(32).toString('hex')

async function until(condition, what, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await wait(50)) {
    const value = await condition()
    if (value) return value
  }
  throw new Error(`not within ${seconds} s: ${what}`)
}

/** A port P such that P and P+1000 were free a moment ago. */
async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 20000)
    const free = await Promise.all([port, port + 1000].map((p) => new Promise((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(p, '::', () => server.close(() => resolve(true)))
    })))
    if (free.every(Boolean)) return port
  }
}

class Ours {
  constructor(stores) {
    this.data = mkdtempSync(join(tmpdir(), 'turnpike-old-'))
    for (const [id, bytes] of Object.entries(stores)) writeFileSync(join(this.data, `${id}.dig`), bytes)
  }
  async start() {
    this.port = await freePort()
    this.child = spawn(program, ['node', '--data', this.data, '--port', String(this.port), '--log-level', 'debug'], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.log = ''
    this.child.stderr.on('data', (line) => { this.log += line })
    const lines = createInterface(this.child.stdout)
    this.id = await new Promise((resolve) => lines.on('line', (line) => { if (line.startsWith('peer id: ')) resolve(line.slice(9)) }))
    this.address = multiaddr(`/ip4/127.0.0.1/tcp/${this.port}/p2p/${this.id}`)
    return this
  }
  async ask(...command) {
    const { stdout } = await run(program, [...command, '--json', '--data', this.data])
    return JSON.parse(stdout)
  }
  async complete() {
    return new Map((await this.ask('ls')).filter((row) => row.state === 'complete').map((row) => [row.store, row]))
  }
  async stop() {
    const { promise, resolve } = Promise.withResolvers()
    this.child.on('exit', resolve)
    this.child.kill('SIGTERM')
    assert.equal(await promise, 0)
    rmSync(this.data, { recursive: true })
  }
}

async function oldNode(handlers = {}) {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify(), ping: ping() }
  })
  for (const [protocol, handler] of Object.entries(handlers)) await node.handle(protocol, handler, { maxInboundStreams: 32 })
  return node
}

const chunkBytes = (chunk) => Buffer.from(chunk.subarray ? chunk.subarray() : chunk)

/** Every chunk as it came, which for js is every yamux frame. `cuts`: where the request is cut into frames of its own. */
async function frames(node, address, protocol, request, { cuts = [], finish = true } = {}) {
  const stream = await node.dialProtocol(address, protocol)
  const bytes = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request))
  const reading = (async () => {  // from the start: what nobody reads yet is joined, whatever frames it came in
    const got = []
    for await (const chunk of stream) got.push(chunkBytes(chunk))
    return got
  })()
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    stream.send(bytes.subarray(at, cut))
    at = cut
    if (cuts.length) await wait(2)
  }
  if (finish) await stream.close()
  const got = await reading
  if (!finish) await stream.close()
  return got
}
/** As the original reads: the first frame, and no other. */
const firstFrame = async (...args) => JSON.parse(text((await frames(...args))[0]))

const SMALL = storeId(), MIDDLE = storeId(), LARGE = storeId()
const stores = { [SMALL]: randomBytes(100), [MIDDLE]: randomBytes(47_000), [LARGE]: randomBytes(5_000_001) }
const ours = await new Ours(stores).start()
const asker = await oldNode()
await until(async () => (await ours.complete()).size === 3, 'our stores are hashed')

await testCase('is taken for a node of the network', async () => {
  const answer = await firstFrame(asker, ours.address, DIG, { type: 'DIG_NETWORK_IDENTIFICATION', networkId: 'dig-mainnet', protocolVersion: '1.0.0' })
  assert.ok(answer.success && answer.networkId === 'dig-mainnet' && answer.isDIGNode === true)
  const told = await asker.peerStore.get(asker.getPeers()[0])
  assert.ok(told.protocols.includes(DIG) && told.protocols.includes(DISCOVERY))
})

await testCase('lists its stores where old nodes ask for them', async () => {
  const ids = Object.keys(stores).sort()
  const info = await firstFrame(asker, ours.address, DIG, { type: 'GET_PEER_INFO', requestedInfo: ['stores', 'capabilities'] })
  assert.deepEqual([...info.stores].sort(), ids)
  const list = await firstFrame(asker, ours.address, DISCOVERY, { type: 'LIST_STORES' })
  assert.deepEqual([...list.stores].sort(), ids)
  assert.equal(list.peerId, ours.id)
})

await testCase('GET_STORE_CONTENT: the header alone in its first frame, then the file', async () => {
  for (const [id, bytes] of Object.entries(stores)) {
    const [header, ...body] = await frames(asker, ours.address, DIG, { type: 'GET_STORE_CONTENT', storeId: id })
    const said = JSON.parse(text(header))  // the original parses all of the first frame
    assert.deepEqual([said.success, said.size], [true, bytes.length])
    assert.equal(sha256(Buffer.concat(body)), sha256(bytes))
  }
})

await testCase('GET_STORE_CONTENT of a store that is not here', async () => {
  for (const id of [storeId(), '../../etc/passwd', 'x']) {
    const answer = await firstFrame(asker, ours.address, DIG, { type: 'GET_STORE_CONTENT', storeId: id })
    assert.deepEqual(answer, { success: false, error: 'Store not found' })
  }
})

await testCase('GET_FILE_RANGE: the bytes that were asked for', async () => {
  for (const [rangeStart, rangeEnd] of [[0, 0], [1000, 300_000], [5_000_000, 5_000_000]]) {
    const [header, ...body] = await frames(asker, ours.address, DIG, { type: 'GET_FILE_RANGE', storeId: LARGE, filePath: `${LARGE}.dig`, rangeStart, rangeEnd, chunkId: 'chunk_7' })
    const said = JSON.parse(text(header))
    assert.deepEqual([said.size, said.totalSize, said.rangeStart, said.rangeEnd, said.chunkId, said.isPartial],
      [rangeEnd - rangeStart + 1, 5_000_001, rangeStart, rangeEnd, 'chunk_7', true])
    assert.ok(Buffer.concat(body).equals(stores[LARGE].subarray(rangeStart, rangeEnd + 1)))
  }
})

await testCase('GET_FILE_RANGE: a range that does not lie in the file', async () => {
  const answer = await firstFrame(asker, ours.address, DIG, { type: 'GET_FILE_RANGE', storeId: SMALL, rangeStart: 0, rangeEnd: 100, chunkId: 'c' })
  assert.deepEqual(answer, { success: false, error: 'Invalid range: 0-100 (file size: 100)', chunkId: 'c', totalSize: 100 })
})

await testCase('requests that are cut at any byte are answered all the same', async () => {
  const request = JSON.stringify({ type: 'GET_STORE_CONTENT', storeId: SMALL })
  for (const cuts of [[1], [request.length - 1], [5, 6, 7, 40], Array.from({ length: request.length - 1 }, (_, i) => i + 1)]) {
    const [, ...body] = await frames(asker, ours.address, DIG, request, { cuts })
    assert.ok(Buffer.concat(body).equals(stores[SMALL]), `cut at ${cuts}`)
  }
})

await testCase('requests without an end are answered', async () => {
  const [header] = await frames(asker, ours.address, DIG, { type: 'GET_STORE_CONTENT', storeId: SMALL }, { finish: false })
  assert.equal(JSON.parse(text(header)).size, 100)
})

await testCase('an unknown type is answered by the end of the stream', async () => {
  for (const request of [{ type: 'CONNECT_TO_TURN_SERVER' }, { networkId: 'mainnet' }, { type: 'LIST_STORES' }]) {
    assert.deepEqual(await frames(asker, ours.address, DIG, request), [])
  }
})

await testCase('what is no JSON is reset', async () => {
  for (const request of ['[]', '{"type": }', '{"type":"GET_STORE_CONTENT"}', '{"a":"' + 'x'.repeat(70_000)]) {
    await assert.rejects(frames(asker, ours.address, DIG, request))
  }
})

const turn = async (store) => {
  const session = await firstFrame(asker, ours.address, DIG, { type: 'TURN_COORDINATION_REQUEST', fromPeerId: ours.id, targetPeerId: asker.peerId.toString(), storeId: store })
  assert.ok(session.success && session.sessionId.startsWith('turn_') && session.turnServerPeerId === ours.id)
  return firstFrame(asker, ours.address, DIG, { type: 'TURN_RELAY_DATA', sessionId: session.sessionId, storeId: store, fromPeerId: ours.id, toPeerId: asker.peerId.toString() })
}

await testCase('TURN_RELAY_DATA: a small store in one frame', async () => {
  const answer = await turn(MIDDLE)
  assert.equal(answer.size, 47_000)
  assert.ok(Buffer.from(answer.data, 'base64').equals(stores[MIDDLE]))
})

await testCase('TURN_RELAY_DATA: a large store by its URL, which serves it', async () => {
  const answer = await turn(LARGE)
  assert.equal(answer.success, false)
  const url = answer.error.match(/http:\/\/\S+/)?.[0]
  // A machine that has no address but loopback's has no URL to tell.
  if ((await ours.ask('status')).external.length > 0) assert.ok(url?.endsWith(`/download/${LARGE}`), answer.error)
  else assert.match(answer.error, /GET_FILE_RANGE/)
  const got = Buffer.from(await (await fetch(`http://127.0.0.1:${ours.port + 1000}/download/${LARGE}`)).arrayBuffer())
  assert.equal(sha256(got), sha256(stores[LARGE]))
})

await testCase('the older questions have answers', async () => {
  const ask = (request, protocol = DIG) => firstFrame(asker, ours.address, protocol, request)
  const [, ...file] = await frames(asker, ours.address, DIG, { type: 'GET_FILE', storeId: SMALL, filePath: 'index.html' })
  assert.ok(Buffer.concat(file).equals(stores[SMALL]))
  const [, ...urn] = await frames(asker, ours.address, DIG, { type: 'GET_URN', urn: `urn:dig:chia:${SMALL}/index.html` })
  assert.ok(Buffer.concat(urn).equals(stores[SMALL]))
  assert.match((await ask({ type: 'GET_URN', urn: 'urn:x' })).error, /^Invalid URN format/)
  assert.deepEqual((await ask({ type: 'GET_STORE_FILES', storeId: SMALL })).files, [`${SMALL}.dig`])
  assert.equal((await ask({ type: 'QUERY_STORE_LOCATION', storeId: SMALL })).hasStore, true)
  const exchange = await ask({ type: 'PEER_EXCHANGE', maxPeers: 5 })
  assert.ok(exchange.success && exchange.peers.some((row) => row.peerId === asker.peerId.toString()))
  assert.equal((await ask({ type: 'GET_CONNECTION_CAPABILITIES' })).capabilities.acceptsDirectConnections, false)
  assert.equal((await ask({ type: 'HANDSHAKE', protocolVersion: '1.0.0' })).success, true)
  assert.equal((await ask({ type: 'VERIFY_DIG_MEMBERSHIP' })).networkId, 'dig-mainnet')
  assert.equal((await ask({ type: 'TURN_CONNECTION_SIGNAL', turnServerPeerId: 'X', turnServerAddresses: [] })).success, false)
  assert.equal((await ask({ type: 'FIND_STORE', storeId: SMALL }, DISCOVERY)).hasStore, true)
})
await asker.stop()

// --- ours fetches from an old node ---

/** Serves one store as the original does; `write` says in which frames an answer goes out. */
function serving(store, bytes, write, { lie } = {}) {
  const answer = async (stream) => {
    let got = Buffer.alloc(0)
    let request
    for await (const chunk of stream) {
      got = Buffer.concat([got, chunkBytes(chunk)])
      try { request = JSON.parse(text(got)); break } catch { /* more is to come */ }
    }
    if (request?.type === 'LIST_STORES') await write(stream, [Buffer.from(JSON.stringify({ success: true, peerId: 'x', stores: [store, 'no-store', '../x'] }))])
    else if (request?.type === 'GET_FILE_RANGE' && request.storeId === store && request.rangeEnd < bytes.length) {
      const { rangeStart, rangeEnd, chunkId } = request
      const header = { success: true, storeId: store, size: rangeEnd - rangeStart + 1, totalSize: bytes.length, rangeStart, rangeEnd, chunkId, isPartial: true, mimeType: 'application/x-dig-archive', ...lie }
      await write(stream, [Buffer.from(JSON.stringify(header) + '\n'), bytes.subarray(rangeStart, rangeEnd + 1)])
    }
    await stream.close()
  }
  return { [DIG]: answer, [DISCOVERY]: answer }
}
const send = async (stream, part) => {
  if (!stream.send(part)) await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
}
const asOriginal = async (stream, parts) => {
  for (const part of parts) for (let at = 0; at < part.length; at += 65536) await send(stream, part.subarray(at, at + 65536))
}
/** Header and body together, cut at odd places. */
const cutAnywhere = async (stream, parts) => {
  const all = Buffer.concat(parts)
  for (let at = 0, step = 1; at < all.length; at += step, step = (step * 7) % 40_009 + 1) await send(stream, all.subarray(at, at + step))
}

async function fetched(id, bytes, node) {
  await node.dial(ours.address)
  const row = await until(async () => (await ours.complete()).get(id), `store ${id} from the old node\n${ours.log.slice(-2000)}`)
  assert.equal(sha256(readFileSync(join(ours.data, `${id}.dig`))), sha256(bytes))
  assert.equal(row.mark, 'unconfirmed')
  await node.stop()
}

await testCase('fetches a store that only an old node has, and marks it unconfirmed', async () => {
  const id = storeId(), bytes = randomBytes(3_500_000)
  await fetched(id, bytes, await oldNode(serving(id, bytes, asOriginal)))
}, 60)

await testCase('fetches from an old node whose frames are cut anywhere', async () => {
  const id = storeId(), bytes = randomBytes(2_000_000)
  await fetched(id, bytes, await oldNode(serving(id, bytes, cutAnywhere)))
  const one = storeId(), byte = randomBytes(1)
  await fetched(one, byte, await oldNode(serving(one, byte, cutAnywhere)))
}, 60)

await testCase('takes nothing from an old node that answers something else', async () => {
  const id = storeId()
  const node = await oldNode(serving(id, randomBytes(5000), asOriginal, { lie: { size: 1 << 20 } }))
  await node.dial(ours.address)
  await until(() => ours.log.includes(`store ${id} not fetched`), `the refusal\n${ours.log.slice(-2000)}`)
  assert.ok(!existsSync(join(ours.data, `${id}.dig`)))
  await node.stop()
}, 60)

await ours.stop()
expectExactly(join(dirname(fileURLToPath(import.meta.url)), 'old_node_cases.txt'))
