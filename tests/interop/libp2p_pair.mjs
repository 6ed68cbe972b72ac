// js-libp2p's secure channel, measured: two hosts in this process, one TCP connection, MEGABYTES one way over one stream.
// Prints {"bytes", "seconds", "cpu"}, both ends together. Usage: libp2p_pair.mjs MEGABYTES
import './compat.mjs'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'

const host = (listen) =>
  createLibp2p({ addresses: { listen }, transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] })
const server = await host(['/ip4/127.0.0.1/tcp/0'])
const client = await host([])

let bytes = 0
const { promise: finished, resolve } = Promise.withResolvers()
await server.handle('/bulk/1', async (stream) => {
  for await (const chunk of stream) bytes += chunk.byteLength
  resolve()
})

const stream = await client.dialProtocol(server.getMultiaddrs()[0], '/bulk/1')
const block = new Uint8Array(65536)
const cpuBefore = process.cpuUsage()
const began = performance.now()
for (let left = Number(process.argv[2]) * 16; left > 0; --left) {
  if (!stream.send(block)) await stream.onDrain()
}
await stream.close()
await finished
const cpu = process.cpuUsage(cpuBefore)
console.log(JSON.stringify({ bytes, seconds: (performance.now() - began) / 1000, cpu: (cpu.user + cpu.system) / 1e6 }))
process.exit(0)
