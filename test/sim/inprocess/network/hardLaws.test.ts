/** The laws of transport, identity and disk, under each hardship that leaves links up: they promise no less for it. */
import { Effect, Random } from "effect"
import { type NetworkOptions } from "../../../../inprocess/index.ts"
import { diskLaws } from "../../../laws/Disk.laws.ts"
import { identityLaws } from "../../../laws/Identity.laws.ts"
import { transportLaws } from "../../../laws/Transport.laws.ts"
import { type InprocessBackend, inprocessBackend, type InprocessWorld } from "../../../support/inprocess.ts"

const seeds = 2

const under = (
  name: string,
  options: NetworkOptions,
  befall: (world: InprocessWorld) => Effect.Effect<void> = () => Effect.void
): InprocessBackend => {
  const backend = inprocessBackend(seeds)
  return {
    ...backend,
    name: `in process, ${name}`,
    world: (hosts) =>
      Effect.gen(function*() {
        const world = yield* backend.world(hosts, options)
        yield* Effect.forkScoped(befall(world))
        return world
      })
  }
}

/** Every way shuts now and then, for a third of a second at most. */
const holding = ({ hosts, network }: InprocessWorld, shut: "hold" | "block") =>
  Effect.forever(Effect.gen(function*() {
    for (const from of hosts) {
      for (const to of hosts) if (yield* Random.nextBoolean) yield* network[shut](from, to)
    }
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 300))
    yield* Effect.andThen(network.release, network.heal)
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 300))
  }))

const hardships = [
  under("with latency and jitter", { latency: "400 millis", jitter: "400 millis" }),
  under("with packets that are lost", { loss: 0.2 }),
  under("with little bandwidth", { bandwidth: 200_000 }),
  under(
    "with hosts that read slowly",
    {},
    ({ hosts, network }) => Effect.forEach(hosts, (host) => network.setReading(host, 200_000), { discard: true })
  ),
  under("with a small buffer", { buffer: 5000, splitting: 0.9 }),
  under("with packets that are held and released", {}, (world) => holding(world, "hold")),
  under("with partitions that are healed", {}, (world) => holding(world, "block")),
  under("with clocks that jump", {}, ({ hosts, network }) =>
    Effect.forever(Effect.gen(function*() {
      for (const host of hosts) yield* network.stepClock(host, yield* Random.nextIntBetween(-100_000, 100_000))
      yield* Effect.sleep("1 second")
    }))),
  under(
    "with all of it",
    { loss: 0.1, bandwidth: 500_000, jitter: "50 millis", buffer: 50_000 },
    (world) =>
      Effect.andThen(
        Effect.forEach(world.hosts, (host) => world.network.setReading(host, 500_000)),
        holding(world, "hold")
      )
  )
]

for (const hardship of hardships) {
  transportLaws(hardship)
  identityLaws(hardship)
  diskLaws(hardship)
}
