/** The command line as a user runs it: a process of its own, from the sources. */
import { Effect, Exit, Option, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { stringify } from "yaml"
import { askNode } from "../../../src/cli/status/client.ts"
import type { Answer, PlainAsk } from "../../../src/cli/status/protocol.ts"

export const repository = fileURLToPath(new URL("../../../", import.meta.url))
const main = join(repository, "src/cli/main.ts")

/** Removed with the scope. Short: a socket's path must fit into a hundred bytes. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "p2p-e2e-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Of the test's own environment nothing that speaks to the command. */
const environment = (extra: Readonly<Record<string, string>>) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CHAIN_P2P_|npm_)/.test(name))),
  ...extra
})

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** A network namespace to run in. */
  readonly namespace?: string
}

/** A process that runs, with what it has written so far. Killed with the scope. */
export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Finished>
  #stdout = ""
  #stderr = ""
  #news: Array<() => void> = []

  constructor(args: ReadonlyArray<string>, options: RunOptions) {
    const { namespace } = options
    const inside = namespace === undefined ? [] : ["ip", "netns", "exec", namespace]
    const [command = process.execPath, ...rest] = [...inside, process.execPath, main, ...args]
    this.child = spawn(command, rest, {
      cwd: options.cwd,
      env: environment(options.env ?? {}),
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text
      this.#tell()
    })
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text
      this.#tell()
    })
    this.ended = once(this.child, "close").then(([code]) => {
      this.#tell()
      return { code, stdout: this.#stdout, stderr: this.#stderr }
    })
  }

  #tell(): void {
    for (const wake of this.#news.splice(0)) wake()
  }

  get stderr(): string {
    return this.#stderr
  }

  /** What it logged, as it goes to stderr where that is no terminal. */
  get logs(): ReadonlyArray<LogLine> {
    return this.#stderr.split("\n").flatMap((line) => Option.toArray(readLog(line)))
  }

  /** Completes when stderr holds the text; fails when the process ends without it. */
  async untilSaid(text: string): Promise<void> {
    while (!this.#stderr.includes(text)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`the process ended without saying "${text}":\n${this.#stderr}`)
      }
      await new Promise<void>((resolve) => this.#news.push(resolve))
    }
  }
}

const LogLine = Schema.Struct({
  message: Schema.Unknown,
  level: Schema.String,
  annotations: Schema.Record(Schema.String, Schema.Unknown)
})
type LogLine = typeof LogLine.Type
const readLog = Schema.decodeUnknownOption(Schema.fromJsonString(LogLine))

export const start = (args: ReadonlyArray<string>, options: RunOptions) =>
  Effect.acquireRelease(
    Effect.sync(() => new Running(args, options)),
    (running) =>
      Effect.promise(() => {
        running.child.kill("SIGKILL")
        return running.ended
      })
  )

/** Runs to its end. */
export const cli = (args: ReadonlyArray<string>, options: RunOptions): Effect.Effect<Finished> =>
  Effect.scoped(Effect.flatMap(start(args, options), (running) => Effect.promise(() => running.ended)))

/** Looks every 50 ms until the answer is accepted; the test's own deadline is the last one. */
export const until = Effect.fnUntraced(function*<A, E, R>(
  what: string,
  look: Effect.Effect<A, E, R>,
  accept: (value: A) => boolean,
  withinMillis: number
) {
  const deadline = performance.now() + withinMillis
  let last: unknown
  while (performance.now() < deadline) {
    const exit = yield* Effect.exit(look)
    if (Exit.isSuccess(exit) && accept(exit.value)) return exit.value
    last = Exit.isSuccess(exit) ? exit.value : exit.cause
    yield* Effect.sleep("50 millis")
  }
  return yield* Effect.die(
    new Error(
      `not ${what} within ${withinMillis} ms: ${
        JSON.stringify(last, (_, value) => value instanceof Running ? value.child.pid : value).slice(0, 20_000)
      }`
    )
  )
})

export const ask = <A extends PlainAsk>(dataDir: string, question: A): Effect.Effect<Answer<A>, unknown> =>
  askNode(dataDir, { ask: question })

/** Ports that were free a moment ago, for TCP and UDP alike. */
export const freePorts = (count: number): Effect.Effect<ReadonlyArray<number>> =>
  Effect.promise(async () => {
    const held = await Promise.all(Array.from({ length: count }, async () => {
      const tcp = createServer().listen(0, "127.0.0.1")
      await once(tcp, "listening")
      const address = tcp.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const udp = createSocket("udp4")
      const isFree = await new Promise<boolean>((resolve) => {
        udp.once("error", () => resolve(false))
        udp.bind(port, "127.0.0.1", () => resolve(true))
      })
      return { tcp, udp, port, isFree }
    }))
    await Promise.all(held.flatMap(({ tcp, udp }) => [
      new Promise((resolve) => tcp.close(resolve)),
      new Promise<void>((resolve) => udp.close(resolve))
    ]))
    return held.filter(({ isFree }) => isFree).map(({ port }) => port)
  }).pipe(Effect.filterOrElse((ports) => ports.length === count, () => freePorts(count)))

export const writeYaml = (path: string, value: unknown): void => writeFileSync(path, stringify(value))
