/**
 * The simulated network: messages per CPU-second and bytes per session of a flood, beside a plain heap of callbacks; whole
 * nodes in the same flood; and how many runs of six hosts a core does in a second, with sessions over the wire's core and with
 * whole nodes. `--json` prints one object on stdout;
 * `--rounds N`.
 */
import { interleaved, median, pairedRatio, type Sample, timed } from "./support/measure.ts"
import { bytesInUse } from "./support/memory.ts"
import { atLeast, atMost, type Goal, report, rounded, type Row, say } from "./support/report.ts"
import { plainFlood, simulatedFlood } from "./support/simFlood.ts"
import { type Hardship } from "./support/simHardships.ts"
import { runHosts } from "./support/simHosts.ts"
import { wholeNodes } from "./support/simNodes.ts"
import { runSessions, type Sessions } from "./support/simSessions.ts"

const argument = process.argv.indexOf("--rounds")
const rounds = argument < 0 ? 10 : Number(process.argv[argument + 1])

const sessions = 8
const mebibyte = 1024 * 1024
const rows: Array<Row> = []
const goals: Array<Goal> = []

const perCpuSecond = (samples: ReadonlyArray<Sample>, work: number): number =>
  median(samples.map(({ cpuMicros }) => (work / cpuMicros) * 1_000_000))
const cpuOf = (samples: ReadonlyArray<Sample> = []): ReadonlyArray<number> => samples.map(({ cpuMicros }) => cpuMicros)

say(`six hosts for twenty virtual seconds, ${rounds} rounds`)
/** As many of either take about as long. Before the first is measured, the code has to be warm. */
const runsPerBlock = { sessions: 100, nodes: 10 }
const warmUps = 200
const became: Sessions = { begun: 0, broken: 0, again: 0, received: 0 }
let ran = 0
const seeds = new Map<string, number>()
const six = (what: keyof typeof runsPerBlock, hardship: Hardship) => () =>
  timed(async () => {
    const name = `${what} ${hardship}`
    const from = seeds.get(name) ?? 0
    seeds.set(name, from + runsPerBlock[what])
    for (let seed = from; seed < from + runsPerBlock[what]; seed++) {
      if (what === "nodes") runHosts(seed, hardship)
      else {
        const run = runSessions(seed, hardship)
        if (hardship === "idle") continue
        ran++
        for (const key of ["begun", "broken", "again", "received"] as const) became[key] += run[key]
      }
    }
  })
for (let i = 0; i < warmUps; i++) runSessions(i, "faults")
const measured = async (what: keyof typeof runsPerBlock, name: string) => {
  const blocks = await interleaved<Sample>(
    new Map([[`${name}, faults`, six(what, "faults")], [`${name}, idle`, six(what, "idle")]]),
    rounds
  )
  return Array.from(blocks, ([path, samples]) => ({ path, rate: perCpuSecond(samples, runsPerBlock[what]) }))
}
// First of all, in a process as fresh as that of a test, and without the nodes, whose garbage is larger.
const overCore = await measured("sessions", "sessions over the wire core")
const wholeHosts = await measured("nodes", "whole nodes")
// Or it was no scenario of faults.
if (became.broken < ran || became.again < ran / 2) throw new Error(`hardly a session broke: ${JSON.stringify(became)}`)
for (const { path, rate } of [...overCore, ...wholeHosts]) {
  rows.push({
    what: "six hosts, 20 virtual seconds",
    path,
    ...path === "sessions over the wire core, faults"
      ? {
        sessionsPerRun: rounded(became.begun / ran),
        brokenPerRun: rounded(became.broken / ran),
        begunAgainPerRun: rounded(became.again / ran),
        messagesPerRun: rounded(became.received / ran)
      }
      : {},
    runsPerCoreSecond: rounded(rate)
  })
}
goals.push(atLeast(
  "six-host fault scenarios per core-second, sessions over the wire core",
  overCore[0]?.rate ?? 0,
  500
))

const flood = async (nodes: number, burst: number) => {
  say(`a flood: ${nodes} nodes × ${sessions} sessions, ${burst} messages at a time`)
  const ends = nodes * sessions
  const messages = Math.max(100_000, 2 * ends)
  const size = { nodes, sessions, burst }
  const before = bytesInUse()
  const plain = plainFlood(size)
  const between = bytesInUse()
  const simulated = simulatedFlood(size)
  // All sessions talk, and what they have said is on its way.
  simulated.move(2 * ends)
  const inUse = bytesInUse()
  const blocks = await interleaved<Sample>(
    new Map([
      ["plain heap, callbacks", () => timed(async () => plain.move(messages))],
      ["simulated network, wire core, Effect", () => timed(async () => simulated.move(messages))]
    ]),
    nodes < 10_000 ? rounds : Math.min(rounds, 5)
  )
  const [plainSamples = [], simulatedSamples = []] = blocks.values()
  const bytes = [between - before, inUse - between]
  for (const [index, [path, samples]] of Array.from(blocks).entries()) {
    rows.push({
      what: "flood",
      nodes,
      sessions: ends,
      burst,
      path,
      messagesPerCpuSecond: rounded(perCpuSecond(samples, messages)),
      bytesPerSession: Math.round((bytes[index] ?? Number.NaN) / ends),
      timesThePlainHeap: rounded(pairedRatio(cpuOf(samples), cpuOf(plainSamples)))
    })
  }
  return {
    rate: perCpuSecond(simulatedSamples, messages),
    timesPlain: pairedRatio(cpuOf(simulatedSamples), cpuOf(plainSamples)),
    bytesPerSession: (inUse - between) / ends,
    mebibytes: (inUse - between) / mebibyte
  }
}

/** Messages that leave at once go together, and the ones that come one at a time are what it costs at most. */
const burst = 8
const floods = new Map<number, Awaited<ReturnType<typeof flood>>>()
for (const nodes of [100, 1_000, 10_000]) {
  floods.set(nodes, await flood(nodes, burst))
  await flood(nodes, 1)
}
const [, thousand, tenThousand] = [...floods.values()]
if (thousand !== undefined && tenThousand !== undefined) {
  goals.push(
    atLeast("messages per CPU-second at 8,000 sessions", thousand.rate, 500_000),
    atMost("CPU against the plain heap at 8,000 sessions", thousand.timesPlain, 5),
    atLeast("messages per CPU-second at 80,000 sessions", tenThousand.rate, 250_000),
    atMost("bytes per session, complete, at 80,000 sessions", tenThousand.bytesPerSession, 4096),
    atMost("MiB of 10,000 nodes × 8 sessions", tenThousand.mebibytes, 512)
  )
}

for (const nodes of [100, 300]) {
  say(`whole nodes: ${nodes} × ${sessions} sessions`)
  const whole = wholeNodes(nodes, burst, 100_000)
  rows.push({
    what: "whole nodes",
    nodes,
    sessions: whole.sessions,
    burst,
    path: "node, book, pool, wire",
    messagesPerCpuSecond: rounded(whole.messagesPerCpuSecond),
    bytesPerSession: Math.round(whole.bytesPerSession),
    cpuMillisPerNodeToTarget: rounded(whole.cpuMicrosPerNode / 1000)
  })
}

report("sim", rows, goals)
process.exit(0)
