// Our secure channel against js-libp2p's, in both roles: MEGABYTES go each way over one stream, and must come back as they
// went. Usage: channel_echo.mjs CHANNEL_ECHO [MEGABYTES]
import './compat.mjs'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { multiaddr } from '@multiformats/multiaddr'

const [program, megabytes = '64'] = process.argv.slice(2)
const total = Number(megabytes) << 20
const protocol = '/turnpike/echo/1'

const host = (listen) =>
  createLibp2p({ addresses: { listen }, transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] })

/** Our program, the lines it prints, and how it ends. */
function run(...args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const { promise, resolve } = Promise.withResolvers()
  child.on('exit', resolve)
  return { lines: createInterface(child.stdout)[Symbol.asyncIterator](), ended: promise, child }
}

/** onDrain() of this release resolves at once after the first drain: the event tells the truth. */
async function send(stream, bytes) {
  if (!stream.send(bytes)) await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
}

async function jsDials() {
  const ours = run('listen')
  const port = (await ours.lines.next()).value
  const node = await host([])
  const stream = await node.dialProtocol(multiaddr(`/ip4/127.0.0.1/tcp/${port}`), protocol)

  const sent = createHash('sha256')
  const received = createHash('sha256')
  const writing = (async () => {
    for (let left = total; left > 0; left -= 1 << 20) {
      const block = randomBytes(Math.min(left, 1 << 20))
      sent.update(block)
      await send(stream, block)
    }
    await stream.close()
  })()
  let came = 0
  for await (const chunk of stream) {
    for (const part of chunk) received.update(part)
    came += chunk.byteLength
  }
  await writing
  assert.equal(came, total)
  assert.equal(received.digest('hex'), sent.digest('hex'))
  await node.stop()
  assert.equal(await ours.ended, 0)
  console.log(`js dials: ${total} bytes each way, equal`)
}

async function jsListens() {
  const node = await host(['/ip4/127.0.0.1/tcp/0'])
  await node.handle(protocol, async (stream) => {
    for await (const chunk of stream) await send(stream, chunk)
    await stream.close()
  })
  const port = node.getMultiaddrs()[0].toString().match(/tcp\/(\d+)/)[1]
  const ours = run('dial', port, megabytes)
  const answer = JSON.parse((await ours.lines.next()).value ?? '{}')
  assert.equal(await ours.ended, 0)
  assert.equal(answer.bytes, total)
  await node.stop()
  console.log(`js listens: ${total} bytes each way, equal`)
}

await jsDials()
await jsListens()
process.exit(0)
