// One old node that wants every store it hears of: registers, and fetches each by the first way that an old node has.
// Prints {store: {sha256, size, from}} as JSON. Usage: legacy_fetch.mjs BOOTSTRAP_URL COUNT [relay]
import { OldNode } from './legacy_client.mjs'

const [bootstrap, count, way = 'download'] = process.argv.slice(2)
const old = new OldNode(bootstrap)
await old.register()
const held = {}
const end = Date.now() + 60_000
while (Object.keys(held).length < Number(count)) {
  if (Date.now() > end) throw new Error(`only ${Object.keys(held).length} of ${count} stores in time`)
  for (const peer of await old.peers()) {
    for (const store of peer.stores.filter(each => !held[each])) {
      const got = way === 'relay'
        ? await old.relay(store, peer.peerId).then(done => ({ ...done, from: 'relay' }), () => undefined)
        : await old.download(store).catch(() => undefined)
      if (got) held[store] = got
    }
  }
  await new Promise(resolve => setTimeout(resolve, 250))
}
console.log(JSON.stringify(held))
