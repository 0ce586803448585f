/** Hosts with all that wire is, over the pools of a `duo`. */
import { Context, Duration, Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type ConnectionLimits, Control, type ControlEvent } from "../../../signatures/index.ts"
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

/** What a host's subscriber has heard. */
export const listen = (host: Context.Context<Control>) =>
  Effect.gen(function*() {
    const heard: Array<ControlEvent> = []
    yield* Effect.forkScoped(
      Stream.runForEach(Context.get(host, Control).events, (event) => Effect.sync(() => heard.push(event))),
      { startImmediately: true }
    )
    return heard
  })
