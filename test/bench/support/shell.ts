/** What the Effect shell costs over the synchronous core, beside what async/await over the same core would. In memory. */
import { Effect } from "effect"
import type { P2pConnection } from "../../../signatures/index.ts"
import { coresInMemory } from "./cores.ts"
import { interleaved, median, timed } from "./measure.ts"
import { rounded, type Row } from "./report.ts"

const count = 50_000
const message = new Uint8Array(64).fill(7)
/** Sent, then received: few enough that nobody ever has to wait, as on a path where both ends keep up. */
const burst = 100

export const shellCost = async (
  rounds: number
): Promise<{ readonly ratio: number; readonly rows: ReadonlyArray<Row> }> => {
  const { far, farShell, flush, near, nearShell } = coresInMemory()

  const bare = async () => {
    for (let i = 0; i < count; i += burst) {
      for (let k = 0; k < burst; k++) near.trySend(message)
      flush()
      for (let k = 0; k < burst; k++) far.poll()
    }
  }
  const send = async (bytes: Uint8Array) => void near.trySend(bytes)
  const receive = async () => far.poll()
  const promises = async () => {
    for (let i = 0; i < count; i += burst) {
      for (let k = 0; k < burst; k++) await send(message)
      flush()
      for (let k = 0; k < burst; k++) await receive()
    }
  }
  const effects = (a: P2pConnection, b: P2pConnection) =>
    Effect.gen(function*() {
      for (let i = 0; i < count; i += burst) {
        for (let k = 0; k < burst; k++) yield* a.send(message)
        flush()
        for (let k = 0; k < burst; k++) yield* b.receive
      }
    })

  const samples = await interleaved(
    new Map([
      ["bare core", () => timed(bare)],
      ["async/await over the core", () => timed(promises)],
      ["Effect over the core", () => timed(() => Effect.runPromise(effects(nearShell, farShell)))]
    ]),
    rounds
  )
  const nanos = (name: string) => (samples.get(name) ?? []).map((sample) => (sample.cpuMicros / count) * 1000)
  const [core, awaited, effectful] = ["bare core", "async/await over the core", "Effect over the core"].map(nanos)
  const added = (path: ReadonlyArray<number> = []) => path.map((value, index) => value - (core?.[index] ?? Number.NaN))
  return {
    ratio: median(added(effectful)) / median(added(awaited)),
    rows: Array.from(samples.keys(), (name) => ({
      what: "shell",
      size: message.length,
      path: name,
      cpuNanosPerMessage: rounded(median(nanos(name))),
      addedNanos: rounded(median(added(nanos(name))))
    }))
  }
}
