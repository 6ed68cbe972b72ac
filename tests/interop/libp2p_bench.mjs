// js-libp2p's host, measured: the rival of host_bench, with the same words and the same line of JSON. Both ends in this
// process, limits lifted. Usage: libp2p_bench.mjs bulk MEGABYTES | handshakes COUNT | streams COUNT | idle COUNT
import './compat.mjs'
import { createHash } from 'node:crypto'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'

const [verb, argument] = process.argv.slice(2)
const count = Number(argument)
const ECHO = '/bench/echo/1'
const BULK = '/bench/bulk/1'
const host = (listen) =>
  createLibp2p({
    addresses: { listen }, transports: [tcp()], connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxInboundStreams: 4096, maxOutboundStreams: 4096 })],
    connectionManager: { maxConnections: 1e6, inboundConnectionThreshold: 1e6, maxIncomingPendingConnections: 1e6 },
    connectionMonitor: { enabled: false },
    services: { identify: identify() }
  })
const server = await host(['/ip4/127.0.0.1/tcp/0'])
const client = await host([])
const address = server.getMultiaddrs()[0]
const drained = (stream) => new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
const many = { maxInboundStreams: 4096, maxOutboundStreams: 4096 }
await server.handle(ECHO, async (stream) => {
  for await (const chunk of stream) if (!stream.send(chunk)) await drained(stream)
  await stream.close()
}, many)

async function echo(connection) {
  const stream = await connection.newStream(ECHO, many)
  stream.send(new Uint8Array([1]))
  for await (const _ of stream) break
  return stream
}

const verbs = {
  async bulk() {
    const block = new Uint8Array(65536)
    for (const node of [server, client]) {
      await node.handle(BULK, async (stream) => {
        for (let left = count * 16; left > 0; --left) if (!stream.send(block)) await drained(stream)
        await stream.close()
      }, many)
    }
    const there = await client.dial(address)
    while (server.getConnections().length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    const back = server.getConnections()[0]
    const fetchAll = async (connection) => {
      const stream = await connection.newStream(BULK, many)
      const hash = createHash('sha256')
      let bytes = 0
      for await (const chunk of stream) {
        for (const part of chunk) hash.update(part)
        bytes += chunk.byteLength
      }
      hash.digest()
      return bytes
    }
    const cpuBefore = process.cpuUsage()
    const began = performance.now()
    const got = await Promise.all([fetchAll(there), fetchAll(back)])
    const cpu = process.cpuUsage(cpuBefore)
    return { bytes: got[0] + got[1], seconds: (performance.now() - began) / 1000, cpu: (cpu.user + cpu.system) / 1e6 }
  },
  async handshakes() {
    const began = performance.now()
    for (let i = 0; i < count; ++i) {
      const connection = await client.dial(address)
      const stream = await echo(connection)
      stream.abort(new Error('done'))
      await connection.close()
    }
    const seconds = (performance.now() - began) / 1000
    return { per_second: count / seconds, ms: (1000 * seconds) / count }
  },
  async streams() {
    const connection = await client.dial(address)
    await new Promise((resolve) => setTimeout(resolve, 500))  // its upgrade is over: more than ten streams would end it before
    const began = performance.now()
    const open = await Promise.all(Array.from({ length: count }, () => echo(connection)))
    return { per_second: count / ((performance.now() - began) / 1000), answered: open.length }
  },
  async idle() {
    await client.dial(address)
    global.gc?.()
    const before = process.memoryUsage().rss
    for (let i = 1; i < count; ++i) await client.dial(address, { force: true })
    await new Promise((resolve) => setTimeout(resolve, 12000))
    global.gc?.()
    return { connections: server.getConnections().length, kib_each: (process.memoryUsage().rss - before) / 1024 / (count - 1) }
  }
}
console.log(JSON.stringify(await verbs[verb]()))
process.exit(0)
