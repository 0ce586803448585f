import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, References } from "effect"
import { logLine, makeLogger } from "../../../src/libp2p/logger.ts"
import { linked } from "../../support/libp2p.ts"

const logged = <E, R>(level: "Trace" | "Debug" | "Info", program: Effect.Effect<unknown, E, R>) => {
  const lines: Array<string> = []
  const loggers = Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])
  return program.pipe(
    Effect.provide(Layer.merge(loggers, Layer.succeed(References.MinimumLogLevel, level))),
    Effect.map(() => lines)
  )
}

describe("libp2p's logs", () => {
  it.live("come at debug level, with the module that wrote them", () =>
    Effect.gen(function*() {
      const lines = yield* logged("Debug", linked("tcp"))
      assert.isTrue(lines.some((line) => line.includes("module=libp2p:tcp") && line.includes("level=DEBUG")))
      assert.isFalse(lines.some((line) => line.includes("level=TRACE")))
    }))

  it.live("are never made where nobody would see them", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* logged("Info", linked("tcp")), [])
      const logger = yield* makeLogger.pipe(Effect.provideService(References.MinimumLogLevel, "Info"))
      assert.isFalse(logger.forComponent("a").newScope("b").enabled)
    }))

  it("are one line each, cut, with what peers chose made harmless", () => {
    assert.strictEqual(
      logLine("to %s in %dms - %e", ["a\nb\u001b[31m", 7, new TypeError("no")]),
      "to a b [31m in 7ms - TypeError: no"
    )
    assert.strictEqual(logLine("100%% of %s, %o", ["x"]), "100% of x, %o")
    assert.strictEqual(logLine("plain", ["more", 1]), "plain more 1")
    assert.strictEqual(logLine("%s", ["x".repeat(10_000)]).length, 512)
  })
})
