// A list of cases by name that must all have passed, and no others: the names stand in a committed file, so that a case
// which is skipped, or lost, or misspelt, fails.
import { readFileSync } from 'node:fs'

const passed = []

export async function testCase(name, body, seconds = 30) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name}: not done within ${seconds} s`)), seconds * 1000)
  })
  try {
    await Promise.race([body(), late])
  } catch (error) {
    console.error(`FAILED ${name}:`, error)
    process.exit(1)
  } finally {
    clearTimeout(timer)
  }
  passed.push(name)
  console.log(`passed ${name}`)
}

export function expectExactly(file) {
  const expected = readFileSync(file, 'utf8').split('\n').filter((line) => line && !line.startsWith('#'))
  const missing = expected.filter((name) => !passed.includes(name))
  const unknown = passed.filter((name) => !expected.includes(name))
  if (missing.length + unknown.length > 0) {
    console.error('cases that did not pass:', missing, 'cases that are not in the list:', unknown)
    process.exit(1)
  }
  console.log(`all ${expected.length} cases passed`)
  process.exit(0)
}
