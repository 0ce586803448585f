/**
 * The message path: streaming and ping-pong at three sizes, beside what Node and libp2p offer by themselves. Both ends are
 * in this process, so CPU is that of sender and receiver together. `--json` prints one object on stdout; `--rounds N`.
 */
import { Effect, Exit, Scope } from "effect"
import type { Contender } from "./support/contender.ts"
import { measureMemory } from "./support/flatness.ts"
import { inProcess } from "./support/inProcess.ts"
import { interleaved, median, pairedRatio, quantile, type Sample, timed } from "./support/measure.ts"
import { collectYoung } from "./support/memory.ts"
import { overLibp2p, sessionContender } from "./support/ours.ts"
import { rawLibp2p } from "./support/rawLibp2p.ts"
import { atLeast, atMost, type Goal, report, rounded, type Row, say } from "./support/report.ts"
import { shellCost } from "./support/shell.ts"
import { nodeNet, nodeTls } from "./support/sockets.ts"

const argument = process.argv.indexOf("--rounds")
const rounds = argument < 0 ? 20 : Number(process.argv[argument + 1])

/** Messages per block: long enough to measure, short enough that twenty rounds of all contenders take a minute or two. */
const perBlock = new Map([[64, 20_000], [1024, 5_000], [64 * 1024, 400]])
const pingsPerBlock = 200

const names = { tcp: "session over TCP", quic: "session over QUIC", inProcess: "session in process" }

const ours = async (kind: "tcp" | "quic"): Promise<Contender> => {
  const scope = Scope.makeUnsafe()
  const ends = await Effect.runPromise(
    Effect.flatMap(overLibp2p(kind), ({ connect }) => connect(0)).pipe(Scope.provide(scope))
  )
  return sessionContender(names[kind], ends, Effect.runPromise, () => Effect.runPromise(Scope.close(scope, Exit.void)))
}

const oursInProcess = async (): Promise<Contender> => {
  const { connect, run } = await inProcess()
  return sessionContender(names.inProcess, await run(connect(0)), run, async () => {})
}

const rows: Array<Row> = []

// First, before all else that runs here has taught the compiler other shapes: tens of nanoseconds are at stake.
say("the Effect shell over the bare core, in memory")
const shell = await shellCost(rounds)
rows.push(...shell.rows)

const contenders = [
  await nodeNet(),
  await nodeTls(),
  await rawLibp2p("tcp"),
  await rawLibp2p("quic"),
  await ours("tcp"),
  await ours("quic"),
  await oursInProcess()
]

const cpu = new Map<string, ReadonlyArray<number>>()
const trip = new Map<string, ReadonlyArray<number>>()

const streaming = async (size: number, count: number) => {
  say(`streaming ${size} B, ${rounds} rounds`)
  const blocks = await interleaved<Sample>(
    new Map(contenders.map((contender) => [contender.name, () => timed(() => contender.stream(size, count))])),
    rounds,
    // A block pays for its own garbage and not for its neighbour's.
    collectYoung
  )
  for (const [name, samples] of blocks) {
    cpu.set(`${name} ${size}`, samples.map((sample) => sample.cpuMicros / count))
    rows.push({
      what: "streaming",
      size,
      path: name,
      cpuMicrosPerMessage: rounded(median(samples.map((sample) => sample.cpuMicros / count))),
      messagesPerSecond: Math.round(median(samples.map((sample) => (count / sample.wallMicros) * 1_000_000)))
    })
  }
}

const pingPong = async (size: number) => {
  say(`ping-pong ${size} B, ${rounds} rounds`)
  const blocks = await interleaved(
    new Map(contenders.map((contender) => [contender.name, () => contender.pingPong(size, pingsPerBlock)])),
    rounds
  )
  for (const [name, trips] of blocks) {
    trip.set(`${name} ${size}`, trips.map(median))
    const all = trips.flat()
    rows.push({
      what: "ping-pong",
      size,
      path: name,
      p50Micros: rounded(median(all)),
      p99Micros: rounded(quantile(all, 0.99))
    })
  }
}

for (const [size, count] of perBlock) {
  await streaming(size, count)
  await pingPong(size)
}

const ratio = (values: Map<string, ReadonlyArray<number>>, a: string, b: string, size: number): number =>
  pairedRatio(values.get(`${a} ${size}`) ?? [], values.get(`${b} ${size}`) ?? [])

for (const size of perBlock.keys()) {
  for (const [kind, raw] of [["tcp", "libp2p tcp stream"], ["quic", "libp2p quic stream"]] as const) {
    rows.push({
      what: "ratios",
      size,
      path: names[kind],
      cpuToRawLibp2p: rounded(ratio(cpu, names[kind], raw, size)),
      cpuToNodeNet: rounded(ratio(cpu, names[kind], "node:net", size)),
      cpuToNodeTls: rounded(ratio(cpu, names[kind], "node:tls", size)),
      tripToRawLibp2p: rounded(ratio(trip, names[kind], raw, size))
    })
  }
}

for (const contender of contenders) await contender.close()

say("memory of a session over 1,000,000 messages")
const memory = await measureMemory()
rows.push(...memory.rows)

const goals: Array<Goal> = [
  atLeast(
    "64 B streaming: times fewer CPU than a raw libp2p stream (TCP)",
    1 / ratio(cpu, names.tcp, "libp2p tcp stream", 64),
    20
  ),
  atMost("64 B streaming: CPU against uncorked node:net", ratio(cpu, names.tcp, "node:net", 64), 0.6),
  atMost("1 KiB streaming: CPU against node:tls", ratio(cpu, names.tcp, "node:tls", 1024), 3.5),
  atMost(
    "64 KiB streaming: CPU against a raw libp2p stream (TCP)",
    ratio(cpu, names.tcp, "libp2p tcp stream", 65_536),
    1.1
  ),
  atMost("64 B ping-pong: p50 against a raw libp2p stream (TCP)", ratio(trip, names.tcp, "libp2p tcp stream", 64), 1.2),
  atMost("what the Effect shell adds to a send and a receive, against what async/await adds", shell.ratio, 2),
  atMost("heap growth of a session over 1,000,000 messages, MiB", memory.growthMiB, 1)
]
report("messages", rows, goals)
process.exit(0)
