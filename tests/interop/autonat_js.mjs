// AutoNAT v2 with js-libp2p's, both ways, between two network namespaces of this test. Usage: autonat_js.mjs HOST_PEER
import './compat.mjs'
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { autoNATv2 } from '@libp2p/autonat-v2'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { peerSet } from '@libp2p/peer-collections'
import { multiaddr } from '@multiformats/multiaddr'
import { expectExactly, testCase } from './expect_cases.mjs'

// Addresses that js takes for public ones; nothing leaves the two namespaces.
const JS = '9.1.1.1', JS_ALSO = '9.1.1.9', OURS = '9.2.2.2', OURS_ALSO = '9.2.2.9'
const [program, inside] = process.argv.slice(2)
if (inside !== 'inside') {
  const flags = process.getuid() === 0 ? '-n' : '-Urn'
  const end = spawn('unshare', [flags, process.execPath, fileURLToPath(import.meta.url), program, 'inside'], { stdio: 'inherit' })
  end.on('exit', (code) => process.exit(code ?? 1))
  await new Promise(() => {})
}
const ip = (...lines) => { for (const line of lines) execFileSync('ip', line.split(' ')) }
ip('link set lo up', 'link add eth0 type veth peer name eth1', `addr add ${JS}/8 dev eth0`, `addr add ${JS_ALSO}/8 dev eth0`, 'link set eth0 up')

const script = `until ip link show eth1 >/dev/null 2>&1; do sleep 0.05; done; ip link set lo up
  ip addr add ${OURS}/8 dev eth1; ip addr add ${OURS_ALSO}/8 dev eth1; ip link set eth1 up; exec "$0" 1 0.0.0.0`
const child = spawn('unshare', ['-n', 'sh', '-c', script, program], { stdio: ['pipe', 'pipe', 'inherit'] })
const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
ip(`link set eth1 netns ${child.pid}`)
const [, port, id] = (await lines.next()).value.split(' ')
const ask = async (...words) => {
  child.stdin.write(words.join(' ') + '\n')
  return JSON.parse((await lines.next()).value)
}

const js = await createLibp2p({
  addresses: { listen: [`/ip4/0.0.0.0/tcp/0`] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionGater: { denyDialMultiaddr: () => false },
  services: {
    identify: identify(),
    autoNAT: autoNATv2()
  }
})
const jsPort = Number(js.getMultiaddrs()[0].toString().match(/tcp.(\d+)/)[1])
const jsId = js.peerId.toString()
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const client = js.services.autoNAT.client
const confirmed = []
const confirm = client.confirmAddress.bind(client)
client.confirmAddress = (result) => { confirmed.push(result.multiaddr.toString()); confirm(result) }
const connection = await js.dial(multiaddr(`/ip4/${OURS}/tcp/${port}/p2p/${id}`))

await testCase('js asks of its own accord, and believes our answer', async () => {
  while (!confirmed.includes(`/ip4/${JS}/tcp/${jsPort}`)) await wait(50)
})
client.verifyExternalAddresses = async () => {}  // from now on it asks what it is told to
await wait(4000)  // and we have nothing against it for asking before

/** What js's own client makes of our answer about `address`. */
async function jsAsks(address, pause = 1100) {
  await wait(pause)
  const result = { multiaddr: multiaddr(address), success: 0, failure: 0, networkSegments: [], verifyingPeers: peerSet(), type: 'observed' }
  client.dialResults.clear()
  client.dialResults.set(address, result)
  const nonce = BigInt(Math.floor(Math.random() * 2 ** 48))
  client.nonces.add(nonce)
  await client.askPeerToVerify(connection, 'here', nonce, { signal: AbortSignal.timeout(30_000) })
  const heard = !client.nonces.has(nonce)
  client.nonces.delete(nonce)
  return { success: result.success, failure: result.failure, heard }
}

await testCase('js asks us about its own address, and we dial it back', async () => {
  assert.deepEqual(await jsAsks(`/ip4/${JS}/tcp/${jsPort}`), { success: 1, failure: 0, heard: true })
})
await testCase('js asks us about another address, and gives the data we want before we dial', async () => {
  assert.deepEqual(await jsAsks(`/ip4/${JS_ALSO}/tcp/${jsPort}`), { success: 1, failure: 0, heard: true })
})
await testCase('js asks us about a door that is shut', async () => {
  assert.deepEqual(await jsAsks(`/ip4/${JS}/tcp/9`), { success: 0, failure: 1, heard: false })
})
await testCase('we ask js about our own address, and it dials us back', async () => {
  const answer = await ask('autonat', jsId, `/ip4/${OURS}/tcp/${port}`)
  assert.deepEqual(answer, { ok: true, status: 200, dial_status: 200, from: JS })
})
await testCase('we ask js about another address of ours, and give the data it wants', async () => {
  const answer = await ask('autonat', jsId, `/ip4/${OURS_ALSO}/tcp/${port}`)
  assert.deepEqual(answer, { ok: true, status: 200, dial_status: 200, from: JS })
})
await testCase('we ask js about a door that is shut', async () => {
  const answer = await ask('autonat', jsId, `/ip4/${OURS}/tcp/9`)
  assert.deepEqual(answer, { ok: true, status: 200, dial_status: 100, from: '' })
})
await testCase('we refuse js a dial to a private address', async () => {
  assert.deepEqual(await jsAsks('/ip4/192.168.1.1/tcp/80'), { success: 0, failure: 0, heard: false })
})
await testCase('we reject js when it asks too often', async () => {
  const outcomes = []
  for (let i = 0; i < 12; ++i) outcomes.push((await jsAsks(`/ip4/${JS}/tcp/${jsPort}`, 0)).success)
  assert.ok(outcomes.includes(0), outcomes.join())
})

await js.stop()
child.stdin.end()
await new Promise((resolve) => child.on('exit', resolve))
expectExactly(join(dirname(fileURLToPath(import.meta.url)), 'autonat_cases.txt'))
