// An old node's HTTP side (legacy_client.mjs) against a real bootstrap and real nodes: it registers, finds who has what, downloads from turnAddresses (port + 1000), and where that fails posts to
// /relay-store and then to the relayEndpoint it is told, verbatim. Equal stores by SHA-256, or the test fails.
// Usage: legacy_http.mjs TURNPIKE [small|large]
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { digest, json, OldNode, request } from './legacy_client.mjs'

const [turnpike, part = 'small'] = process.argv.slice(2)
const MB = 1_000_000
const folder = mkdtempSync(join(tmpdir(), 'turnpike-legacy-'))
const running = []

// --- what it is tested against ---

function start (...argv) {
  const child = spawn(turnpike, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.text = ''
  running.push(child)
  const lines = createInterface({ input: child.stdout })
  child.stderr.on('data', data => { child.text += data })
  child.lines = lines
  lines.on('line', line => { child.text += line + '\n' })
  return child
}

async function line (child, begin) {
  for (;;) {
    const found = child.text.split('\n').find(each => each.startsWith(begin))
    if (found) return found
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${child.text}`)
    await Promise.race([once(child.lines, 'line'), once(child, 'exit')])
  }
}

async function until (what, seconds, condition) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}\n${running.map(child => child.text).join('\n---\n')}`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

/** A P such that P and P + 1000 are free now, as a node wants them. */
async function freePort () {
  const take = port => new Promise(resolve => {
    const server = net.createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(port)))
  })
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    if (await take(port) && await take(port + 1000)) return port
  }
}

/** Stores of these sizes: {id: sha256}. Blocks repeat, each with its number in front: cheap to make, and no two alike. */
function makeStores (folder, sizes) {
  mkdirSync(folder, { recursive: true })
  const block = randomBytes(4 << 20)
  return sizes.map(size => {
    const id = randomBytes(32).toString('hex')
    const hash = createHash('sha256')
    const file = openSync(join(folder, id + '.dig'), 'w')
    for (let done = 0, number = 0; done < size; ++number) {
      block.writeUInt32LE(number, 0)
      const bytes = block.subarray(0, Math.min(block.length, size - done))
      hash.update(bytes)
      done += writeSync(file, bytes)
    }
    closeSync(file)
    return { id, size, sha256: hash.digest('hex') }
  })
}

const peakMemory = child => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) * 1024

async function startBootstrap () {
  const child = start('bootstrap', '--data', join(folder, 'bootstrap'), '--stun', 'none', '--tier', 'free=unlimited:64:1', '--listen', `http://127.0.0.1:${await freePort()}`)
  const url = (await line(child, 'listening ')).split(' ')[1]
  return { child, url }
}

const equal = (got, store, how) => assert.deepEqual({ size: got.size, sha256: got.sha256 }, { size: store.size, sha256: store.sha256 }, `${store.id} by ${how}`)

// --- the tests ---

async function small () {
  const { child, url } = await startBootstrap()
  const stores = makeStores(join(folder, 'source'), [100_000, 1 * MB, 5 * MB, 10 * MB, 20 * MB])
  const port = await freePort()
  const source = start('node', '--data', join(folder, 'source'), '--port', String(port), '--bootstrap', url, '--sync', 'off', '--portmap', 'off')
  const old = new OldNode(url)
  assert.equal(await old.heartbeat(), 404, 'it has not registered')
  const health = await json(url + '/health')
  assert.equal(health.body.status, 'healthy')
  assert.equal(health.body.costInfo.mode, 'normal')
  await old.register()
  assert.equal(await old.heartbeat(), 200)
  const peer = await until('the source is listed with its stores', 20, async () =>
    (await old.peers()).find(each => each.peerId !== health.body.peerId && stores.every(store => each.stores.includes(store.id))))

  // A node's own HTTP as old nodes read it.
  const direct = `http://127.0.0.1:${port + 1000}`
  const own = (await json(direct + '/health')).body
  assert.equal(own.status, 'healthy')
  assert.equal(own.peerId, peer.peerId)
  const listed = (await json(direct + '/stores')).body
  assert.deepEqual([...listed.stores].sort(), stores.map(store => store.id).sort())
  assert.equal(listed.total, stores.length)

  let held = 0
  for (const store of stores) {
    equal(await digest(await request(`${direct}/download/${store.id}`)), store, "the node's /download")
    ++held
  }
  console.log(`${held} of ${stores.length} equal by the node's /download`)
  // On loopback no address is proved, so it is the bootstrap that stands in the list with these stores.
  held = 0
  for (const store of stores) {
    const got = await old.download(store.id)
    equal(got, store, "the bootstrap's /download")
    assert.equal(got.from, health.body.peerId)
    ++held
  }
  console.log(`${held} of ${stores.length} equal by the bootstrap's /download`)
  held = 0
  for (const store of stores) {
    equal(await old.relay(store.id, peer.peerId), store, 'relayEndpoint')
    ++held
  }
  console.log(`${held} of ${stores.length} equal by relayEndpoint`)

  // A slow reader gets the same bytes, late.
  equal(await old.relay(stores[2].id, peer.peerId, 2), stores[2], 'relayEndpoint, read slowly')

  // Another old node is found, with what it registered, and lent to no one.
  const other = new OldNode(url, [stores[0].id, '../../etc/passwd'])
  await other.register()
  const seen = (await old.peers()).find(each => each.peerId === other.peerId)
  assert.deepEqual(seen.stores, [stores[0].id])
  assert.equal(seen.turnCapable, false)

  // Its source dies in mid-stream: the answer breaks, it does not end.
  const large = stores[4]
  const told = await json(url + '/relay-store', { method: 'POST', json: { storeId: large.id, fromPeerId: peer.peerId, toPeerId: old.peerId } })
  const response = await request(told.body.fallbackTurnServer.relayEndpoint,
    { method: 'POST', json: { storeId: large.id, fromPeerId: peer.peerId, toPeerId: old.peerId } })
  response.once('data', () => source.kill('SIGKILL'))
  response.pause()
  await assert.rejects(digest(response, 5), undefined, 'a body that is not whole looked whole')
  console.log('a source that dies breaks the answer off')
  await until('the bootstrap notices that it is gone', 20, async () =>
    (await json(url + '/relay-store', { method: 'POST', json: { storeId: large.id, fromPeerId: peer.peerId, toPeerId: old.peerId } })).body.fallbackTurnServer === undefined)
  assert.equal(child.exitCode, null)
}

async function large () {
  const { child, url } = await startBootstrap()
  const [store] = makeStores(join(folder, 'source'), [2500 * MB])
  const port = await freePort()
  start('node', '--data', join(folder, 'source'), '--port', String(port), '--bootstrap', url, '--sync', 'off', '--portmap', 'off')
  const old = new OldNode(url)
  await old.register()
  const peer = await until('the source is listed with its store', 60, async () =>
    (await old.peers()).find(each => !each.turnCapable && each.stores.includes(store.id)))
  const before = peakMemory(child)
  let began = performance.now()
  equal(await old.relay(store.id, peer.peerId), store, 'relayEndpoint')
  const rate = store.size / MB / (performance.now() - began) * 1000
  const grown = peakMemory(child) - before
  console.log(`2.5 GB equal by relayEndpoint, ${rate.toFixed(0)} MB/s; the bootstrap grew by ${(grown / MB).toFixed(1)} MB`)
  assert.ok(grown < 64 * MB, `the bootstrap grew by ${grown} bytes while it passed ${store.size} on`)
  began = performance.now()
  equal(await digest(await request(`http://127.0.0.1:${port + 1000}/download/${store.id}`)), store, '/download')
  console.log(`2.5 GB equal by /download, ${(store.size / MB / (performance.now() - began) * 1000).toFixed(0)} MB/s`)
}

try {
  await { small, large }[part]()
} finally {
  for (const child of running) if (child.exitCode === null) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
