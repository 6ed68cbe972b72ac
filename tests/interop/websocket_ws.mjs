// Our WebSocket against npm's ws, either way round. Usage: websocket_ws.mjs NET_PEER
import './compat.mjs'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import WebSocket, { WebSocketServer } from 'ws'

const [program] = process.argv.slice(2)
const limit = 1 << 20

function run(...args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const { promise, resolve } = Promise.withResolvers()
  child.on('exit', resolve)
  return { lines: createInterface(child.stdout)[Symbol.asyncIterator](), ended: promise, child }
}

/** What our server says of itself: { http, https, pin }. */
async function serve(folder) {
  const file = join(folder, 'file')
  writeFileSync(file, 'file')
  const peer = run('serve', file, folder)
  const said = {}
  for (let i = 0; i < 3; ++i) {
    const [name, value] = (await peer.lines.next()).value.split(' ')
    said[name] = value
  }
  return { ...peer, ...said }
}

async function open(url, options) {
  const socket = new WebSocket(url, options)
  const { promise, resolve } = Promise.withResolvers()
  socket.on('upgrade', (response) => resolve(response.headers))
  await once(socket, 'open')
  return { socket, headers: await promise }
}

async function echoes(socket, sizes) {
  for (const size of sizes) {
    const message = randomBytes(size)
    socket.send(message)
    const [back, isBinary] = await once(socket, 'message')
    assert.ok(isBinary && message.equals(back), `${size} bytes came back as they went`)
  }
}

async function theirClient(ours) {
  for (const [url, options] of [[`ws://127.0.0.1:${ours.http}/ws`, {}],
                                [`wss://127.0.0.1:${ours.https}/ws`, { rejectUnauthorized: false }]]) {
    // ws offers permessage-deflate by itself: it must hear no agreement to it.
    const { socket, headers } = await open(url, options)
    assert.equal(headers['turnpike-quote'], 'bytes=1')
    assert.equal(socket.extensions, '')
    await echoes(socket, [0, 1, 125, 126, 65535, 65536, 700_000, limit])
    socket.ping('alive?')
    const [pong] = await once(socket, 'pong')
    assert.equal(String(pong), 'alive?')

    // In parts, with a ping between them.
    socket.send('one, ', { fin: false })
    socket.ping()
    socket.send('two', { fin: true })
    const [joined] = await once(socket, 'message')
    assert.equal(String(joined), 'one, two')

    socket.close(1001, 'bye')
    const [code] = await once(socket, 'close')
    assert.equal(code, 1001)
  }

  const { socket } = await open(`ws://127.0.0.1:${ours.http}/ws`, {})
  socket.send(randomBytes(limit + 1))
  const [code] = await once(socket, 'close')
  assert.equal(code, 1009)

  const stream = (await open(`ws://127.0.0.1:${ours.http}/pipe`, {})).socket
  const sent = randomBytes(8 * limit)
  const parts = []
  const all = new Promise((resolve) => {
    let came = 0
    stream.on('message', (part) => {
      parts.push(part)
      came += part.length
      if (came === sent.length) resolve()
    })
  })
  for (let at = 0; at < sent.length; at += 300_000) stream.send(sent.subarray(at, at + 300_000))
  await all
  assert.ok(Buffer.concat(parts).equals(sent))
  stream.close()
  await once(stream, 'close')
  console.log('their client, our server: equal')
}

async function ourClient() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true })
  await once(server, 'listening')
  server.on('connection', (socket, request) => {
    socket.on('close', (code) => server.emit('left', code))
    if (request.url === '/large') return socket.send(randomBytes(limit + 1))
    socket.on('message', (message) => socket.send(message, { binary: true }))
  })
  const url = `ws://127.0.0.1:${server.address().port}`
  for (const [mode, path, expected] of [['echo', '/', 1000], ['expect-1009', '/large', 1009]]) {
    const left = once(server, 'left')
    assert.equal(await run(mode, url + path).ended, 0)
    const [code] = await left
    assert.equal(code, expected)
  }
  server.close()
  console.log('our client, their server: equal')
}

const folder = mkdtempSync(join(tmpdir(), 'turnpike-ws-'))
try {
  const ours = await serve(folder)
  await theirClient(ours)
  await ourClient()
  ours.child.stdin.end()
  assert.equal(await ours.ended, 0)
} finally {
  rmSync(folder, { recursive: true })
}
