// The HTTP side of an old node as the prototype's speaks it, on node:http alone.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import http from 'node:http'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
/** A peer id as libp2p makes it of a fresh Ed25519 key, as the prototype does on every start. */
export function freshPeerId () {
  const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  let number = BigInt('0x' + Buffer.concat([Buffer.from([0, 0x24, 8, 1, 0x12, 0x20]), key]).toString('hex'))
  let out = ''
  for (; number > 0n; number /= 58n) out = ALPHABET[Number(number % 58n)] + out
  return '1' + out // the leading zero byte
}

/** One request, as fetch() would make it. Resolves with the response, its body unread. */
export function request (url, { method = 'GET', json, headers = {} } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json)
  return new Promise((resolve, reject) => {
    const asked = http.request(url, {
      method, agent: false,
      headers: body ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } : headers
    }, resolve)
    asked.on('error', reject)
    asked.end(body)
  })
}

export async function json (url, options) {
  const response = await request(url, options)
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, body: JSON.parse(text) }
}

/** Reads a body to its end; a body that breaks off rejects. */
export async function digest (response, pace = 0) {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of response) {
    hash.update(chunk)
    size += chunk.length
    if (pace) await new Promise(resolve => setTimeout(resolve, pace))
  }
  if (!response.complete) throw new Error(`the body broke off after ${size} bytes`)
  return { size, sha256: hash.digest('hex') }
}

export class OldNode {
  constructor (bootstrap, stores = []) {
    this.bootstrap = bootstrap
    this.stores = stores
    this.peerId = freshPeerId()
  }

  async register () {
    const answer = await json(this.bootstrap + '/register', {
      method: 'POST',
      json: {
        peerId: this.peerId,
        addresses: [`/ip4/127.0.0.1/tcp/4001/p2p/${this.peerId}`],
        stores: this.stores,
        version: '1.0.0',
        capabilities: { libp2p: true, storeSync: true, turnServer: false, protocolVersion: '1.0.0', environment: 'development' },
        turnCapable: false,
        bootstrapCapable: false,
        networkId: 'mainnet',
        softwareVersion: '1.0.0',
        serverPort: 4001,
        nodeType: 0,
        capabilityList: [[1, 'Store synchronization'], [4, 'End-to-end encryption'], [5, 'Byte-range downloads']]
      }
    })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    assert.ok(answer.body.totalPeers >= 1)
  }

  async heartbeat () {
    return (await json(this.bootstrap + '/heartbeat', { method: 'POST', json: { peerId: this.peerId } })).status
  }

  async peers () {
    const answer = await json(this.bootstrap + '/peers?includeStores=true')
    assert.equal(answer.status, 200)
    return answer.body.peers.filter(peer => peer.peerId !== this.peerId)
  }

  /** Straight from a TURN-capable peer's HTTP: http://A:(N+1000)/download/<id>, never with a Range. */
  async download (store) {
    const peers = (await this.peers()).filter(peer => peer.stores?.includes(store) && peer.turnCapable === true && peer.turnAddresses?.length)
    for (const peer of peers) {
      for (const address of peer.turnAddresses) {
        const [, host, port] = /\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(address) ?? []
        if (!host) continue
        const response = await request(`http://${host}:${Number(port) + 1000}/download/${store}`).catch(() => undefined)
        if (response?.statusCode === 200) return { ...await digest(response), from: peer.peerId }
        response?.resume()
      }
    }
    throw new Error(`nobody with turnAddresses gave ${store}`)
  }

  /** The fallback: it names itself in fromPeerId and the source in toPeerId, and posts to the endpoint as it stands. */
  async relay (store, source, pace = 0) {
    const told = await json(this.bootstrap + '/relay-store', {
      method: 'POST',
      json: { storeId: store, fromPeerId: this.peerId, toPeerId: source, method: 'turn-coordination', userTier: 'free', isPremium: true }
    })
    if (told.status !== 200) throw new Error(`relay-store: ${told.status} ${told.body.error}`)
    const response = await request(told.body.fallbackTurnServer.relayEndpoint,
      { method: 'POST', json: { storeId: store, fromPeerId: source, toPeerId: this.peerId } })
    if (response.statusCode !== 200) throw new Error(`relayEndpoint: ${response.statusCode}`)
    return digest(response, pace)
  }
}
