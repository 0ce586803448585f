/** Bugs as people make them, in node, pool, book and session core: each must be found by the properties. */
export interface Mutant {
  readonly name: string
  /** What goes wrong with it. */
  readonly means: string
  readonly file: string
  /** Occurs once in the file. */
  readonly find: string
  readonly instead: string
}

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "double slot",
    means: "an opening holds no slot of the target until it is accepted",
    file: "src/node/fill.ts",
    find: "const missing = Math.min(settings.sessionCount - outbound - openingCount, most)",
    instead: "const missing = Math.min(settings.sessionCount - outbound, most)"
  },
  {
    name: "lost lease",
    means: "a session's stream goes, and its lease stays",
    file: "src/wire/RunningSession.ts",
    find: "    this.lease.release()\n",
    instead: ""
  },
  {
    name: "superseded charged",
    means: "who closes the second of two links is charged for its sessions",
    file: "src/peers/table.ts",
    find:
      "        case \"link-lost\":\n        case \"superseded\":\n          return nothing\n        // If it was theirs",
    instead:
      "        case \"link-lost\":\n          return nothing\n        case \"superseded\":\n          return failed\n        // If it was theirs"
  },
  {
    name: "sticky flag erased",
    means: "one owner's leaving takes the stickiness of all others away",
    file: "src/peers/learn.ts",
    find: "sticky: new Set([...entry.sticky].filter((other) => other !== owner))",
    instead: "sticky: new Set()"
  },
  {
    name: "limit too late",
    means: "one inbound session more than the limit is let in",
    file: "src/node/hello.ts",
    find: "if (free <= kept || ",
    instead: "if (free < kept || "
  },
  {
    name: "cooled peer dialled",
    means: "a wait that the book imposes is over at the next look",
    file: "src/node/mirror.ts",
    find: "if (standing._tag === \"Clear\" || standing.until <= now) {",
    instead: "if (standing._tag !== \"Banned\" || standing.until <= now) {"
  },
  {
    name: "tie-break reversed",
    means: "of two links that crossed each end prefers its own",
    file: "src/pool/settling.ts",
    find: "return isSmaller(setting.self, outbound.peer) ? outbound : inbound",
    instead: "return outbound"
  },
  {
    name: "slot of a cancelled opening",
    means: "an opening that was given up never gives its slot back",
    file: "src/node/step.ts",
    find: "  if (pair?.state !== \"Opening\") return\n  const { outcome, peer } = event",
    instead:
      "  if (pair?.state !== \"Opening\" || event.outcome._tag === \"Cancelled\") return\n  const { outcome, peer } = event"
  },
  {
    name: "end code lost",
    means: "every orderly end arrives as closed",
    file: "src/wire/SessionCore.ts",
    find: "this.stream.outbox.finishWith(endFrame(code))",
    instead: "this.stream.outbox.finishWith(endFrame(\"closed\"))"
  },
  {
    name: "credit twice",
    means: "credit that was given back is given back again",
    file: "src/wire/SessionCore.ts",
    find: "    this.stream.outbox.owe(this.unreturned)\n    this.unreturned = 0\n",
    instead: "    this.stream.outbox.owe(this.unreturned)\n"
  },
  {
    name: "message lost at preemption",
    means: "a message leaves the core a step before the session gets it",
    file: "src/wire/connection.ts",
    find: `    Effect.sync(() => {
      const message = core.poll()
      if (message === undefined) throw nothing
      return message
    }),`,
    instead: `    Effect.suspend(() => {
      const message = core.poll()
      if (message === undefined) throw nothing
      return Effect.succeed(message)
    }),`
  },
  {
    name: "close without flush",
    means: "a close drops what was sent before it and not written yet",
    file: "src/wire/SessionCore.ts",
    find: "this.stream.outbox.finishWith(endFrame(code))",
    instead: "this.stream.outbox.finishNow(endFrame(code))"
  },
  {
    name: "ban forgotten",
    means: "a ban lasts seconds instead of minutes",
    file: "src/peers/table.ts",
    find: "const banMillis = 30 * minute",
    instead: "const banMillis = 30 * second"
  },
  {
    name: "suspicion for ever",
    means: "a suspicion of ourselves never lapses by itself",
    file: "src/peers/suspicion.ts",
    find: "  suspicion._tag === \"Suspecting\" && now < suspicion.until\n\n/** Until when",
    instead: "  suspicion._tag === \"Suspecting\" && now >= 0\n\n/** Until when"
  },
  {
    name: "rotation in step",
    means: "sessions that began together are rotated together",
    file: "src/node/draft.ts",
    find: "draft.now + draft.settings.sessionTimeout * (0.75 + 0.5 * draft.random())",
    instead: "draft.now + draft.settings.sessionTimeout"
  },
  {
    name: "inbound counted",
    means: "sessions that others opened count towards the target",
    file: "src/node/fill.ts",
    find: "const missing = Math.min(settings.sessionCount - outbound - openingCount, most)",
    instead:
      "const missing = Math.min(settings.sessionCount - outbound - draft.pairs.slots.inbound - openingCount, most)"
  },
  {
    name: "private not heeded",
    means: "a private chain lets strangers in",
    file: "src/node/hello.ts",
    find: "if (settings.private && !settings.known.has(peer)) return reject(\"unknown-chain\")",
    instead: "if (settings.private && settings.known.size === 0) return reject(\"unknown-chain\")"
  },
  {
    name: "duplicate accepted",
    means: "a second session begins while the last one with the peer is closing",
    file: "src/node/hello.ts",
    find: "if (isBusy(pair) && (crossed === undefined || !event.isSmaller)) return reject(\"duplicate\")",
    instead:
      "if (isBusy(pair) && pair.state !== \"Closing\" && (crossed === undefined || !event.isSmaller)) return reject(\"duplicate\")"
  },
  {
    name: "waiters out of order",
    means: "who waits last is served first",
    file: "src/wire/WaitList.ts",
    find: `  first.before = waiter
  return first
`,
    instead: `  first.before = waiter
  return waiter
`
  },
  {
    name: "prefix broken",
    means: "what had arrived before the other end's close, and was not received yet, is dropped",
    file: "src/wire/SessionCore.ts",
    find: "this.conclude(closedBy.remote[code])",
    instead: "{\n      this.discard()\n      this.conclude(closedBy.remote[code])\n    }"
  }
]

/** The source with the mutation in it. Throws, and says so, unless the text is there exactly once. */
export const mutate = ({ file, find, instead, name }: Mutant, source: string): string => {
  const count = source.split(find).length - 1
  if (count !== 1) {
    throw new Error(
      `the mutant "${name}" no longer fits: its text is ${count} times in ${file}, and must be there once:\n${find}`
    )
  }
  return source.replace(find, () => instead)
}
