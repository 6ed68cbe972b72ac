// Multicast DNS between `turnpike node` and js-libp2p's, in a network namespace of this test alone. Usage: mdns_js.mjs TURNPIKE
import './compat.mjs'
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { mdns } from '@libp2p/mdns'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { expectExactly, testCase } from './expect_cases.mjs'

const HERE = '192.168.7.2'
const [program, inside] = process.argv.slice(2)
if (inside !== 'inside') {
  const flags = process.getuid() === 0 ? '-n' : '-Urn'
  const end = spawn('unshare', [flags, process.execPath, fileURLToPath(import.meta.url), program, 'inside'], { stdio: 'inherit' })
  end.on('exit', (code) => process.exit(code ?? 1))
  await new Promise(() => {})
}
for (const line of ['link set lo up', 'link add eth0 type veth peer name eth1', `addr add ${HERE}/24 dev eth0`, 'link set eth1 up',
  'link set eth0 up', 'route add default dev eth0']) execFileSync('ip', line.split(' '))

const run = promisify(execFile)
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
async function until(condition, what, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await wait(50)) {
    const value = await condition()
    if (value) return value
  }
  throw new Error(`not within ${seconds} s: ${what}`)
}

class Ours {
  static async start(...flags) {
    const ours = new Ours()
    ours.data = mkdtempSync(join(tmpdir(), 'turnpike-mdns-'))
    ours.child = spawn(program, ['node', '--data', ours.data, '--port', '4001', ...flags], { stdio: ['ignore', 'pipe', 'ignore'] })
    const lines = createInterface(ours.child.stdout)
    ours.id = await new Promise((resolve) => lines.on('line', (line) => { if (line.startsWith('peer id: ')) resolve(line.slice(9)) }))
    return ours
  }
  async ask(...command) {
    return JSON.parse((await run(program, [...command, '--json', '--data', this.data])).stdout)
  }
  async stop() {
    const { promise, resolve } = Promise.withResolvers()
    this.child.on('exit', resolve)
    this.child.kill('SIGTERM')
    assert.equal(await promise, 0)
    rmSync(this.data, { recursive: true })
  }
}

async function js(how = {}, handlers = {}) {
  const found = new Map()
  const discovery = (components) => {
    const inner = mdns({ interval: 1000, ...how })(components)
    inner.addEventListener('peer', ({ detail }) => found.set(detail.id.toString(), detail.multiaddrs.map(String)))
    return inner
  }
  const node = await createLibp2p({
    addresses: { listen: [`/ip4/${HERE}/tcp/0`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    peerDiscovery: [discovery],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify(), ping: ping() }
  })
  for (const [protocol, handler] of Object.entries(handlers)) await node.handle(protocol, handler, { maxInboundStreams: 32 })
  return Object.assign(node, { found })
}

const ours = await Ours.start('--rungs', 'lan')
const neighbour = await js()

await testCase('js finds our node, at an address of this network', async () => {
  const told = await until(() => neighbour.found.get(ours.id), 'our node in what js discovers')
  assert.deepEqual(told, [`/ip4/${HERE}/tcp/4001`, `/ip4/${HERE}/udp/4001/quic-v1`])
})

await testCase('our node finds js, connects, and knows it as a neighbour', async () => {
  const id = neighbour.peerId.toString()
  const row = await until(async () => (await ours.ask('peers')).find((peer) => peer.peer_id === id && peer.connections.length > 0), 'js among our peers')
  assert.ok(row.found.includes('lan'))
  assert.equal(row.connections[0].direction, 'outbound')
  await until(async () => (await ours.ask('peers')).find((peer) => peer.peer_id === id).connections[0]?.agent.startsWith('js-libp2p/'), 'its agent')
})
await neighbour.stop()

await testCase('our node finds an old node by the name old nodes use, and fetches from it', async () => {
  const id = randomBytes(32).toString('hex'), bytes = randomBytes(1_500_000)
  const answer = async (stream) => {
    let got = Buffer.alloc(0), request
    for await (const chunk of stream) {
      got = Buffer.concat([got, Buffer.from(chunk.subarray())])
      try { request = JSON.parse(got.toString()); break } catch { /* more is to come */ }
    }
    if (request?.type === 'LIST_STORES') stream.send(Buffer.from(JSON.stringify({ success: true, stores: [id] })))
    if (request?.type === 'GET_FILE_RANGE') {
      const { rangeStart, rangeEnd } = request
      stream.send(Buffer.from(JSON.stringify({ success: true, storeId: id, size: rangeEnd - rangeStart + 1, totalSize: bytes.length, rangeStart, rangeEnd }) + '\n'))
      stream.send(bytes.subarray(rangeStart, rangeEnd + 1))
    }
    await stream.close()
  }
  const old = await js({ serviceTag: 'dig-network', peerName: 'dig-node-unknown' }, { '/dig/1.0.0': answer, '/dig-discovery/1.0.0': answer })
  const row = await until(async () => (await ours.ask('ls')).find((store) => store.store === id && store.state === 'complete'), 'the store', 90)
  assert.equal(row.mark, 'unconfirmed')
  const sum = (data) => createHash('sha256').update(data).digest('hex')
  assert.equal(sum(readFileSync(join(ours.data, `${id}.dig`))), sum(bytes))
  await old.stop()
}, 120)
await ours.stop()

await testCase('a node that is told not to is not found', async () => {
  const silent = await Ours.start('--mdns', 'off')
  const asker = await js({ interval: 200 })
  await wait(3000)
  assert.ok(!asker.found.has(silent.id))
  assert.deepEqual(await silent.ask('peers'), [])
  await asker.stop()
  await silent.stop()
})

expectExactly(join(dirname(fileURLToPath(import.meta.url)), 'mdns_cases.txt'))
