// js-libp2p's circuit relay v2, measured from outside. Usage, one process each:
//   libp2p_relay.mjs relay LISTEN                prints its address
//   libp2p_relay.mjs sink RELAY                  reserves, prints its relayed address, reads what comes
//   libp2p_relay.mjs source SINK MEGABYTES       sends, prints {"bytes", "seconds"}
// A sink given a third argument reads that many bytes a second: the slow reader.
import './compat.mjs'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'

const [role, argument, amount] = process.argv.slice(2)
const host = (listen, services = {}) =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify(), ...services }
  })
const options = { runOnLimitedConnection: true }

if (role === 'relay') {
  const relay = await host([argument], { relay: circuitRelayServer({ reservations: { applyDefaultLimit: false } }) })
  console.log(relay.getMultiaddrs()[0].toString())
} else if (role === 'sink') {
  const sink = await host([`${argument}/p2p-circuit`])
  await sink.handle('/bulk/1', async (stream) => {
    for await (const chunk of stream) {
      if (amount) await new Promise((resolve) => setTimeout(resolve, (1000 * chunk.byteLength) / Number(amount)))
    }
    await stream.close()
  }, options)
  const poll = setInterval(() => {
    const address = sink.getMultiaddrs().find((a) => a.toString().includes('p2p-circuit'))
    if (address) { clearInterval(poll); console.log(address.toString()) }
  }, 50)
} else {
  const source = await host([])
  const stream = await source.dialProtocol(multiaddr(argument), '/bulk/1', options)
  const block = new Uint8Array(65536)
  const began = performance.now()
  let bytes = 0
  for (let left = Number(amount) * 16; left > 0; --left) {
    if (!stream.send(block)) await stream.onDrain()
    bytes += block.byteLength
  }
  await stream.close()
  for await (const _ of stream);  // ends when the sink has read everything
  console.log(JSON.stringify({ bytes, seconds: (performance.now() - began) / 1000 }))
  process.exit(0)
}
