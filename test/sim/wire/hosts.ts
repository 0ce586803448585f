/** Hosts with all that wire is, over the pools of a `duo`. */
import { Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { ConnectionLimits } from "../../../signatures/index.ts"
import type { ConnectionsOptions } from "../../../src/wire/Environment.ts"
import { layerConnections } from "../../../src/wire/index.ts"
import type { TestPool } from "./duo.ts"

export const limits: ConnectionLimits = {
  maxMessageBytes: 100_000,
  minMessageBytes: 1000,
  window: 50_000,
  closeTimeout: Duration.seconds(10),
  private: false
}

export const start = (pool: TestPool, options: ConnectionsOptions = {}) =>
  Layer.build(Layer.provide(layerConnections(options), pool.layer))

/** Lets everything that is due in microtasks happen. */
export const settled = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 0)))

/** Lets what is due at once be said and heard. */
export const announced = Effect.gen(function*() {
  for (let i = 0; i < 8; i++) {
    yield* settled
    yield* TestClock.adjust(0)
  }
  yield* settled
})
