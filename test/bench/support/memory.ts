/** What is in use, and not what waits to be collected. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
/** Collects all that can go. */
export const collect = runInNewContext("gc") as () => void

/** What is in use after everything that can go has gone, in bytes: the heap, and buffers outside of it. */
export const bytesInUse = (): number => {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
