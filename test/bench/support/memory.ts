/** What is in use, and not what waits to be collected. */
import { queryObjects, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void

/**
 * Collects what has just been made and is garbage already. Not more: full collections also throw away what the compiler made
 * of code that didn't run since the last few.
 */
export const collectYoung = (): void => collect({ type: "minor" })

/** What is in use after everything that can go has gone, in bytes: the heap, and buffers outside of it. */
export const bytesInUse = (): number => {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** How many objects of a class there are. Walks the whole heap, and so takes its time. */
export const countOf = (one: Function): number => queryObjects(one, { format: "count" })
