/** What may befall hosts without any of their links going down: laws promise no less for it. */
import { Effect, Random } from "effect"
import { type Circumstances, type InprocessWorld } from "./inprocess.ts"

/** Every way shuts now and then, for a third of a second at most. */
const shutting = (shut: "hold" | "block") => ({ hosts, network }: InprocessWorld) =>
  Effect.forever(Effect.gen(function*() {
    for (const from of hosts) {
      for (const to of hosts) if (yield* Random.nextBoolean) yield* network[shut](from, to)
    }
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 300))
    yield* Effect.andThen(network.release, network.heal)
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 300))
  }))

/** All hosts read no more than so many bytes per second. */
const reading = (bytesPerSecond: number) => ({ hosts, network }: InprocessWorld) =>
  Effect.forEach(hosts, (host) => network.setReading(host, bytesPerSecond), { discard: true })

const jumping = ({ hosts, network }: InprocessWorld) =>
  Effect.forever(Effect.gen(function*() {
    for (const host of hosts) yield* network.stepClock(host, yield* Random.nextIntBetween(-100_000, 100_000))
    yield* Effect.sleep("1 second")
  }))

export const hardships: ReadonlyArray<Circumstances & { readonly name: string }> = [
  { name: "with latency and jitter", network: { latency: "400 millis", jitter: "400 millis" }, isSlow: true },
  { name: "with packets that are lost", network: { loss: 0.2 }, isSlow: true, overtakes: true },
  { name: "with little bandwidth", network: { bandwidth: 200_000 } },
  { name: "with hosts that read slowly", befall: reading(200_000) },
  { name: "with a small buffer", network: { buffer: 5000, splitting: 0.9 } },
  { name: "with packets that are held and released", befall: shutting("hold"), overtakes: true },
  { name: "with partitions that are healed", befall: shutting("block"), overtakes: true },
  { name: "with clocks that jump", befall: jumping },
  {
    name: "with all of it",
    network: { loss: 0.1, bandwidth: 500_000, jitter: "50 millis", buffer: 50_000 },
    isSlow: true,
    overtakes: true,
    befall: (world) => Effect.andThen(reading(500_000)(world), shutting("hold")(world))
  }
]
