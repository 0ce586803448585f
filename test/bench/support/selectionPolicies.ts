/** Ways to pick peers, to compare with ours. */
import type { PeerId, SelectionCandidate, SelectionPolicy } from "../../../signatures/index.ts"
import { sharingPolicy } from "../../../src/node/index.ts"

const isLinked = ({ link }: SelectionCandidate): boolean => link._tag === "Some"

/** Each pick is one of those that have a link already, in so many of all picks where there are such; else anybody. */
const preferring = (share: number): SelectionPolicy => ({
  pick: ({ candidates }, n, random) => {
    let left = candidates
    const picked: Array<PeerId> = []
    while (picked.length < n && left.length > 0) {
      const linked = random() < share ? left.filter(isLinked) : []
      const from = linked.length > 0 ? linked : left
      const one = from[Math.floor(random() * from.length)]
      if (one === undefined) break
      picked.push(one.peer)
      left = left.filter((other) => other !== one)
    }
    return picked
  }
})

export interface ComparedPolicy {
  readonly name: string
  readonly policy: SelectionPolicy
  /** Whether others may open no more than twice as many sessions as one opens: a part of ours. */
  readonly capsInbound: boolean
}

export const ours: ComparedPolicy = { name: "ours", policy: sharingPolicy, capsInbound: true }

export const policies: ReadonlyArray<ComparedPolicy> = [
  { name: "uniform", policy: preferring(0), capsInbound: false },
  { name: "always share", policy: preferring(1), capsInbound: false },
  { name: "share in 95 %", policy: preferring(0.95), capsInbound: false },
  ours
]
