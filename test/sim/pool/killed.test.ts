/** What is left of a process that was killed ends too: in simulation its program still runs, though nobody hears it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import type { SimulatedHost } from "../../../inprocess/index.ts"
import type { P2pSession } from "../../../signatures/index.ts"
import { alpha, beta, process } from "../../laws/nodes.ts"
import { inprocessBackend } from "../../support/inprocess.ts"

const inprocess = inprocessBackend(3)
const idle: P2pSession = ({ receive }) => Effect.ignore(Effect.forever(receive))

/** Three processes of two nodes each. Gives what ends the first, and its host. */
const three = Effect.gen(function*() {
  const { hosts, network } = yield* inprocess.world(3)
  const settle = Effect.fnUntraced(function*(host: SimulatedHost) {
    const scope = yield* Scope.make()
    const made = yield* process(host, hosts.filter((other) => other !== host)).pipe(Scope.provide(scope))
    for (const chain of [alpha, beta]) yield* made.node({ chain }, idle).pipe(Scope.provide(scope))
    return { host, made, end: Scope.close(scope, Exit.void) }
  })
  const [first, ...others] = yield* Effect.forEach(hosts, settle)
  if (first === undefined) return assert.fail("three hosts")
  yield* Effect.addFinalizer(() => Effect.forEach(others, ({ end }) => end))
  return { ...first, network }
})

/** One node after the other gives its sessions ten seconds, and then the pool its links four. */
const withinBounds = Effect.timeout("30 seconds")

describe("a process of two nodes whose host is killed", () => {
  it.each(
    [
      ["while it dials", "15 millis"],
      ["while it opens its sessions", "60 millis"],
      ["while it has sessions", "10 seconds"]
    ] as const
  )("ends in time when that happens %s", (_, moment) =>
    inprocess.run(Effect.gen(function*() {
      const { end, host, network } = yield* three
      yield* Effect.sleep(moment)
      yield* network.kill(host)
      yield* withinBounds(end)
    })))

  it("ends in time when that happens while it ends", () =>
    inprocess.run(Effect.gen(function*() {
      const { end, host, network } = yield* three
      yield* Effect.sleep("10 seconds")
      const ending = yield* Effect.forkChild(end, { startImmediately: true })
      yield* Effect.sleep("15 millis")
      yield* network.kill(host)
      yield* withinBounds(Fiber.join(ending))
    })))

  it("ends in time when another process has taken its place", () =>
    inprocess.run(Effect.gen(function*() {
      const { end, host, made, network } = yield* three
      yield* Effect.sleep("10 seconds")
      yield* network.restart(host)
      yield* withinBounds(end)
      assert.strictEqual(made.links().size, 0)
    })))
})
