import type { ComponentLogger, Logger } from "@libp2p/interface"
import { Effect, LogLevel, References } from "effect"
import { inspect } from "node:util"

const longest = 512

const shown = (value: unknown): string =>
  value instanceof Error
    ? `${value.name}: ${value.message}`
    : typeof value === "object" && value !== null && value.toString !== Object.prototype.toString
    ? String(value)
    : typeof value === "string"
    ? value
    : inspect(value, { depth: 1, breakLength: Infinity })

/** One line, at most 512 characters, without control characters: parts of it were chosen by peers. */
export const logLine = (format: unknown, values: ReadonlyArray<unknown>): string => {
  let used = 0
  const text = shown(format).replaceAll(/%[a-zA-Z%]/g, (token) => {
    if (token === "%%") return "%"
    return used < values.length ? shown(values[used++]) : token
  })
  const rest = values.slice(used).map((value) => ` ${shown(value)}`).join("")
  // oxlint-disable-next-line no-control-regex
  return (text + rest).slice(0, longest).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ")
}

const silent: Logger = Object.assign(() => {}, {
  enabled: false,
  error: () => {},
  trace: () => {},
  newScope: () => silent
})

/**
 * libp2p's logger, led into Effect's: everything at debug, its traces at trace. It logs several lines for every frame, so
 * where nobody would see them it is decided once, here, that they are never made.
 */
export const makeLogger: Effect.Effect<ComponentLogger> = Effect.gen(function*() {
  const minimum = yield* References.MinimumLogLevel
  if (!LogLevel.isLessThanOrEqualTo(minimum, "Debug")) return { forComponent: () => silent }
  const traces = LogLevel.isLessThanOrEqualTo(minimum, "Trace")
  const run = Effect.runForkWith(yield* Effect.context())
  const scope = (module: string): Logger => {
    const debug = (format: unknown, ...values: ReadonlyArray<unknown>) =>
      void run(Effect.logDebug(logLine(format, values)).pipe(Effect.annotateLogs({ module })))
    return Object.assign(debug, {
      enabled: true,
      error: debug,
      trace: traces
        ? (format: unknown, ...values: ReadonlyArray<unknown>) =>
          void run(Effect.logTrace(logLine(format, values)).pipe(Effect.annotateLogs({ module })))
        : () => {},
      newScope: (name: string) => scope(`${module}:${name}`)
    })
  }
  return { forComponent: scope }
})
