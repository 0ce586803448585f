import { firstDifference } from "./Recorder.ts"
import { simulate, type SimulateOptions } from "./simulate.ts"

/**
 * Does a run twice. Undefined if it comes out the same; otherwise where the two part: something outside of the run decides
 * in it, such as state that programs of several runs share.
 */
export const firstDifferenceOf = <W, E>(options: SimulateOptions<W, E>): string | undefined => {
  const [one, other] = [simulate({ ...options, trace: true }), simulate({ ...options, trace: true })]
  if (one.hash === other.hash) return undefined
  const parting = firstDifference(one.trace, other.trace)
  const where = parting === undefined
    ? `one ended after ${one.steps} steps, the other after ${other.steps}`
    : `event ${parting.index} was "${parting.one ?? "none"}", and then "${parting.other ?? "none"}"`
  return `the same run came out in two ways, so something outside of it decides in it: ${where}`
}
