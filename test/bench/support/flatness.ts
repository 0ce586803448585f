/** Whether a session's memory stays flat: a million messages, the heap looked at after collections on the way. */
import { Effect } from "effect"
import { inProcess } from "./inProcess.ts"
import { bytesInUse } from "./memory.ts"
import { sessionContender } from "./ours.ts"
import { rounded, type Row } from "./report.ts"

export const measureMemory = async (): Promise<{ readonly growthMiB: number; readonly rows: ReadonlyArray<Row> }> => {
  const { connect, run } = await inProcess()
  const session = sessionContender(
    "session in process",
    await run(connect(0)),
    run,
    () => Effect.runPromise(Effect.void)
  )
  const total = 1_000_000
  const steps = 10
  await session.stream(64, total / steps)
  const seen: Array<number> = [bytesInUse()]
  for (let i = 0; i < steps; i++) {
    await session.stream(64, total / steps)
    seen.push(bytesInUse())
  }
  const mebibytes = (bytes: number) => bytes / 1024 / 1024
  // Half against half, so that one odd collection decides nothing.
  const half = Math.floor(seen.length / 2)
  const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
  const growthMiB = mebibytes(mean(seen.slice(-half)) - mean(seen.slice(0, half)))
  return {
    growthMiB,
    rows: seen.map((bytes, index) => ({
      what: "memory",
      path: session.name,
      messages: (index + 1) * (total / steps),
      inUseMiB: rounded(mebibytes(bytes))
    }))
  }
}
