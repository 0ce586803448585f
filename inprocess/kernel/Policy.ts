import { type Choices } from "./Choices.ts"
import { hashText, mixWords } from "./hash.ts"
import { type RandomStream } from "./KeyedRandom.ts"

/** One of those that can run. */
export interface Candidate {
  /** Whose turn it is: the same number for all turns of one fiber, following from its lineage. */
  readonly actor: number
  /** How many turns that fiber has had. */
  readonly actorTurn: number
}

/** Decides what is open about a schedule. A policy serves one simulation. */
export interface Policy {
  /**
   * Which goes next, of at least two, in the order in which they came: an index. They are the first `count` of the list, in which
   * others come next time.
   */
  readonly choose: (candidates: ReadonlyArray<Candidate>, count: number) => number
  /** After how many operations a fiber is made to yield, counted over all fibers from the last time; Infinity: never. */
  readonly nextYield: () => number
}

/** As many others in a row may overtake one that can run. Without a bound a fiber that waits actively would go on forever. */
const patience = 1000

/** The distance between yields, each operation being one with the same chance. */
export const geometric = (random: RandomStream, chance: number): () => number => {
  if (chance <= 0) return () => Infinity
  const log = Math.log1p(-Math.min(chance, 0.999))
  return () => 1 + Math.floor(Math.log1p(-random.nextDoubleUnsafe()) / log)
}

export const firstCome: Policy["choose"] = () => 0

/** Any, with the same chance. */
export const randomWalk = (random: RandomStream): Policy["choose"] => (_candidates, count) => random.between(0, count)

/** Probabilistic concurrency testing (Burckhardt et al., 2010): strict priorities, lowered at a few random moments. */
export const pct = (random: RandomStream, changes: number, horizon: number): Policy["choose"] => {
  const seed = hashText(`${random.nextDoubleUnsafe()}`)
  const changeAt = new Set(Array.from({ length: changes }, () => random.between(0, horizon)))
  const lowered = new Map<number, number>()
  let [step, inARow, last] = [0, 0, -1]
  const priority = (actor: number) => lowered.get(actor) ?? mixWords(seed, actor)
  const highest = (candidates: ReadonlyArray<Candidate>, count: number) => {
    let best = 0
    let bestPriority = -Infinity
    for (let i = 0; i < count; i++) {
      const it = priority(candidates[i]?.actor ?? 0)
      if (it > bestPriority) [best, bestPriority] = [i, it]
    }
    return best
  }
  const lower = (candidates: ReadonlyArray<Candidate>, count: number) =>
    lowered.set(candidates[highest(candidates, count)]?.actor ?? 0, -1 - lowered.size)
  return (candidates, count) => {
    if (changeAt.has(step++)) lower(candidates, count)
    let choice = highest(candidates, count)
    inARow = candidates[choice]?.actor === last ? inARow + 1 : 0
    if (inARow >= patience) {
      inARow = 0
      lower(candidates, count)
      choice = highest(candidates, count)
    }
    last = candidates[choice]?.actor ?? -1
    return choice
  }
}

/** Partial order sampling (Yuan et al., 2018): every turn of every fiber has a random priority, which follows from its lineage. */
export const partialOrder = (random: RandomStream): Policy["choose"] => {
  const seed = hashText(`${random.nextDoubleUnsafe()}`)
  return (candidates, count) => {
    let best = 0
    let bestPriority = -1
    for (let i = 0; i < count; i++) {
      const { actor, actorTurn } = candidates[i] ?? { actor: 0, actorTurn: 0 }
      const priority = mixWords(mixWords(seed, actor), actorTurn)
      if (priority > bestPriority) [best, bestPriority] = [i, priority]
    }
    return best
  }
}

/** What another run decided, as far as it fits. */
export const replaying = ({ picks, yields }: Choices): Policy => {
  let [pick, gap] = [0, 0]
  return {
    choose: (_candidates, count) => Math.min(picks[pick++] ?? 0, count - 1),
    nextYield: () => yields[gap++] ?? Infinity
  }
}

/** More decisions than this are no help to anybody. */
const recordLimit = 1_000_000

/** The same policy, and what it has decided so far: undefined if that was too much to keep. */
export const recording = (
  policy: Policy,
  wakeUps: boolean
): { readonly policy: Policy; readonly choices: () => Choices | undefined } => {
  const picks: Array<number> = []
  const yields: Array<number> = []
  const keep = (list: Array<number>, decided: number) => {
    if (list.length <= recordLimit) list.push(decided)
    return decided
  }
  return {
    policy: {
      choose: (candidates, count) => keep(picks, policy.choose(candidates, count)),
      nextYield: () => {
        const distance = policy.nextYield()
        return Number.isFinite(distance) ? keep(yields, distance) : distance
      }
    },
    choices: () => picks.length > recordLimit || yields.length > recordLimit ? undefined : { wakeUps, picks, yields }
  }
}
