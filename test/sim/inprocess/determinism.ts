/** A busy network, and the hash of all that happened on it. Run as a program it prints the hash for the seed it is given. */
import { Effect, Queue, Random } from "effect"
import { run, type TraceEvent } from "../../../inprocess/index.ts"
import { inprocess } from "../../support/inprocess.ts"
import { dial, listen, pattern, watch } from "../../support/streams.ts"

const hosts = 5

export const traceOf = (seed: number): ReadonlyArray<TraceEvent> => {
  const events: Array<TraceEvent> = []
  const program = Effect.gen(function*() {
    const world = yield* inprocess.world(hosts, { trace: (event) => void events.push(event) })
    const serving = (host: typeof world.hosts[number]) =>
      Effect.gen(function*() {
        const links = yield* listen(host)
        while (true) {
          const link = yield* Queue.take(links)
          link.accept((stream) => {
            const echo = watch(stream)
            echo.write(pattern(500))
          })
        }
      })
    const talking = (host: typeof world.hosts[number]) =>
      Effect.gen(function*() {
        for (let i = 0; i < 10; i++) {
          const other = world.hosts[yield* Random.nextIntBetween(0, hosts, { halfOpen: true })]
          if (other === undefined || other === host) continue
          const link = yield* dial(host, other)
          const stream = watch(yield* link.open("/chain-p2p/1"))
          for (let j = 0; j < 5; j++) {
            stream.write(pattern(yield* Random.nextIntBetween(1, 2000)))
            yield* Effect.sleep(`${yield* Random.nextIntBetween(0, 30)} millis`)
          }
          if (yield* Random.nextBoolean) link.abort()
          else yield* link.close
        }
      })
    yield* Effect.forEach(world.hosts, (host) => Effect.forkScoped(serving(host)))
    yield* Effect.yieldNow
    yield* Effect.forEach(world.hosts, (host) => Effect.provide(talking(host), host.services), {
      concurrency: "unbounded"
    })
  })
  run(Effect.scoped(program), { seed })
  return events
}

/** FNV-1a over the trace as text. */
export const hashOf = (events: ReadonlyArray<TraceEvent>): string => {
  let hash = 0x811c9dc5
  for (const letter of JSON.stringify(events)) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193)
  return `${events.length} events, ${(hash >>> 0).toString(16)}`
}

if (process.argv[1] === import.meta.filename) process.stdout.write(hashOf(traceOf(Number(process.argv[2]))))
