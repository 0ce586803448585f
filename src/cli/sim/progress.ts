/** How far a simulation is, on stderr: on a terminal one line that changes, elsewhere a line now and then. */
import { type Progress, type SimOptions } from "./network.ts"

const count = new Intl.NumberFormat("en")

/** `4:05`, in minutes. */
export const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`

export const makeProgress = ({ minutes }: SimOptions) => {
  // Taken before the run, in which nobody can ask for real time.
  const realMillis = performance.now.bind(performance)
  const isTerminal = process.stderr.isTTY
  const [started, every] = [realMillis(), isTerminal ? 200 : 10_000]
  let shown = started
  const show = ({ messages, seconds, sessions }: Progress): void => {
    const now = realMillis()
    if (now - shown < every) return
    shown = now
    const line = `${clock(seconds)} of ${clock(minutes * 60)} min   sessions ${count.format(sessions)}   ` +
      `messages ${count.format(messages)}   ${((now - started) / 1000).toFixed(0)} s`
    process.stderr.write(isTerminal ? `\r\u001B[2K${line.slice(0, process.stderr.columns - 1)}` : `${line}\n`)
  }
  const end = (): void => {
    if (isTerminal && shown > started) process.stderr.write("\r\u001B[2K")
  }
  return { show, end }
}
