#!/usr/bin/env node
/** Loads as little as it can: the compile cache first, then the commands, and of these only the one that is run. */
import module from "node:module"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`chain-p2p: Node ${process.versions.node} is too old: use Node 22.19 or later\n`)
  process.exit(1)
}
module.enableCompileCache()
const { main } = await import("./program.ts")
main(process.argv.slice(2))
