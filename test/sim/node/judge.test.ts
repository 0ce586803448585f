import { describe, expect, it } from "@effect/vitest"
import { Cause, Exit } from "effect"
import { ConnectionClosed, ConnectionFailed, ProtocolViolated } from "../../../signatures/index.ts"
import { isFault, judge } from "../../../src/node/judge.ts"

const closed = (by: "local" | "remote") => new ConnectionClosed({ by, code: "closed" })
const both = (...causes: ReadonlyArray<Cause.Cause<unknown>>) =>
  Exit.failCause(Cause.fromReasons(causes.flatMap((cause) => cause.reasons)))

const end = (code: string) => ({ _tag: "End", code })
const fail = (reason: string) => ({ _tag: "Fail", reason })

describe("the end of a session", () => {
  it.each(
    [
      ["returned", Exit.void, undefined, end("closed")],
      ["let a remote close escape", Exit.fail(closed("remote")), undefined, end("closed")],
      ["went on after its own close", Exit.fail(closed("local")), undefined, end("closed")],
      ["failed", Exit.fail("no"), undefined, fail("session-failed")],
      ["died", Exit.die(new Error("bug")), undefined, fail("session-failed")],
      ["interrupted itself", Exit.interrupt(), undefined, fail("session-failed")],
      [
        "met a close, and died of it",
        both(Cause.fail(closed("remote")), Cause.die("bug")),
        undefined,
        fail("session-failed")
      ],
      ["met a failure", Exit.fail(new ConnectionFailed({ reason: "link-lost" })), undefined, fail("session-failed")],
      ["was rotated", Exit.interrupt(), "rotated", end("rotated")],
      ["was rotated as it returned", Exit.void, "rotated", end("rotated")],
      ["was drained, and its finalizer died", both(Cause.interrupt(), Cause.die("bug")), "draining", end("draining")],
      ["found a violation", Exit.fail(new ProtocolViolated({ what: "x" })), undefined, fail("protocol-violation")],
      [
        "found a violation beside another error",
        both(Cause.fail("no"), Cause.fail(new ProtocolViolated({ what: "x" }))),
        "rotated",
        fail("protocol-violation")
      ]
    ] as const
  )("that %s", (_, exit, requested, verdict) => {
    expect(judge(exit, requested)).toEqual(verdict)
  })

  it("is told to the log only when the session itself went wrong", () => {
    expect(isFault(Exit.fail("no"))).toBe(true)
    expect(isFault(Exit.die("bug"))).toBe(true)
    expect(isFault(Exit.void)).toBe(false)
    expect(isFault(Exit.interrupt())).toBe(false)
    expect(isFault(Exit.fail(closed("remote")))).toBe(false)
    expect(isFault(Exit.fail(new ConnectionFailed({ reason: "stream-lost" })))).toBe(false)
  })
})
