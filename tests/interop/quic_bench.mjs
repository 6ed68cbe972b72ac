// js-libp2p's QUIC (quinn underneath), measured as quic_bench measures ours.
//   quic_bench.mjs serve ADDRESS PORT                  until it is killed; prints "READY PEER"
//   quic_bench.mjs fetch ADDRESS PORT PEER MEGABYTES   {"bytes", "seconds", "cpu", "server_cpu"}
//   quic_bench.mjs first ADDRESS PORT PEER COUNT       {"ms"}
import './compat.mjs'
import { createLibp2p } from 'libp2p'
import { quic } from '@chainsafe/libp2p-quic'
import { multiaddr } from '@multiformats/multiaddr'

const bulk = '/bench/bulk/1'
const processor = '/bench/cpu/1'
const [verb, address, port, peer, amount] = process.argv.slice(2)
const host = (listen) => createLibp2p({ addresses: { listen }, transports: [quic()] })
const used = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
async function send(stream, bytes) {
  if (!stream.send(bytes)) await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
}
async function text(stream) {
  let out = ''
  for await (const part of stream) out += Buffer.from(part.subarray()).toString()
  return out
}

if (verb === 'serve') {
  const node = await host([`/ip4/${address}/udp/${port}/quic-v1`])
  await node.handle(bulk, async (stream) => {
    const block = new Uint8Array(65536)
    for (let left = Number(await text(stream)); left > 0; left -= block.length) await send(stream, block)
    await stream.close()
  })
  await node.handle(processor, async (stream) => {
    await send(stream, Buffer.from(String(used())))
    await stream.close()
  })
  console.log(`READY ${node.peerId}`)
} else {
  const node = await host([])
  const to = multiaddr(`/ip4/${address}/udp/${port}/quic-v1/p2p/${peer}`)
  const serverUsed = async () => {
    const stream = await node.dialProtocol(to, processor)
    return Number(await text(stream))
  }
  if (verb === 'first') {
    let ms = 0
    let counted = 0
    while (counted < Number(amount)) {
      const fresh = await host([])
      const began = performance.now()
      try {
        await text(await fresh.dialProtocol(to, processor))
        ms += performance.now() - began
        counted++
      } catch (e) { // now and then its stream ends in the middle of the negotiation
        console.error(e.message)
      }
      await fresh.stop()
    }
    console.log(JSON.stringify({ ms: ms / counted }))
    process.exit(0)
  }
  const serverBefore = await serverUsed()
  const before = used()
  const began = performance.now()
  const stream = await node.dialProtocol(to, bulk)
  await send(stream, Buffer.from(String(Number(amount) << 20)))
  await stream.close()
  let bytes = 0
  for await (const part of stream) bytes += part.byteLength
  const seconds = (performance.now() - began) / 1000
  const cpu = used() - before
  console.log(JSON.stringify({ bytes, seconds, cpu, server_cpu: (await serverUsed()) - serverBefore }))
  process.exit(0)
}
