/**
 * The simulated network: messages per CPU-second and bytes per session of a flood, beside a plain heap of callbacks; whole
 * nodes in the same flood; and how many runs of six hosts a core does in a second. `--json` prints one object on stdout;
 * `--rounds N`.
 */
import { interleaved, median, pairedRatio, type Sample, timed } from "./support/measure.ts"
import { bytesInUse } from "./support/memory.ts"
import { atLeast, atMost, type Goal, report, rounded, type Row, say } from "./support/report.ts"
import { plainFlood, simulatedFlood } from "./support/simFlood.ts"
import { type Hardship, runHosts } from "./support/simHosts.ts"
import { wholeNodes } from "./support/simNodes.ts"

const argument = process.argv.indexOf("--rounds")
const rounds = argument < 0 ? 10 : Number(process.argv[argument + 1])

const sessions = 8
const mebibyte = 1024 * 1024
const rows: Array<Row> = []
const goals: Array<Goal> = []

const perCpuSecond = (samples: ReadonlyArray<Sample>, work: number): number =>
  median(samples.map(({ cpuMicros }) => (work / cpuMicros) * 1_000_000))
const cpuOf = (samples: ReadonlyArray<Sample> = []): ReadonlyArray<number> => samples.map(({ cpuMicros }) => cpuMicros)

const flood = async (nodes: number, burst: number) => {
  say(`a flood: ${nodes} nodes × ${sessions} sessions, ${burst} messages at a time`)
  const ends = nodes * sessions
  const messages = Math.max(100_000, 2 * ends)
  const size = { nodes, sessions, burst }
  const before = bytesInUse()
  const plain = plainFlood(size)
  const between = bytesInUse()
  const simulated = simulatedFlood(size)
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

say(`six hosts for twenty virtual seconds, ${rounds} rounds`)
const runsPerBlock = 25
const seeds = { idle: 0, faults: 0 }
const block = (hardship: Hardship) => () =>
  timed(async () => {
    for (let i = 0; i < runsPerBlock; i++) runHosts(seeds[hardship]++, hardship)
  })
const hosts = await interleaved<Sample>(new Map([["idle", block("idle")], ["faults", block("faults")]]), rounds)
for (const [hardship, samples] of hosts) {
  rows.push({
    what: "six hosts, 20 virtual seconds",
    path: hardship === "faults" ? "drawn plans and schedules" : "no faults, first come first served",
    runsPerCoreSecond: rounded(perCpuSecond(samples, runsPerBlock))
  })
}
goals.push(
  atLeast("six-host fault scenarios per core-second", perCpuSecond(hosts.get("faults") ?? [], runsPerBlock), 500)
)

report("sim", rows, goals)
process.exit(0)
