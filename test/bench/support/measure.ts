/** Interleaved blocks: machines are noisy, so contenders take turns, and what counts is the median of ratios within a round. */

export interface Sample {
  /** User and system CPU of the whole process, both ends included, in microseconds. */
  readonly cpuMicros: number
  readonly wallMicros: number
}

export const timed = async (work: () => Promise<unknown>): Promise<Sample> => {
  const cpu = process.cpuUsage()
  const started = process.hrtime.bigint()
  await work()
  const wallMicros = Number(process.hrtime.bigint() - started) / 1000
  const { system, user } = process.cpuUsage(cpu)
  return { cpuMicros: user + system, wallMicros }
}

export const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const low = sorted[Math.floor(position)] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? Number.NaN
  return low + (high - low) * (position - Math.floor(position))
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** The median over rounds of a's value divided by b's of the same round. */
export const pairedRatio = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  median(a.map((value, index) => value / (b[index] ?? Number.NaN)))

const gcd = (a: number, b: number): number => b === 0 ? a : gcd(b, a % b)

/**
 * Runs every contender once per round, in an order that changes so that none always follows the same neighbour: in each
 * round by steps of another width around the circle. The first rounds warm up and don't count. `before` runs before every
 * block and isn't measured.
 */
export const interleaved = async <A>(
  contenders: ReadonlyMap<string, () => Promise<A>>,
  rounds: number,
  before: () => void = () => {},
  warmup = 3
): Promise<ReadonlyMap<string, ReadonlyArray<A>>> => {
  const names = Array.from(contenders.keys())
  const steps = Array.from(names.keys()).filter((step) => gcd(step, names.length) === 1)
  const results = new Map<string, Array<A>>(names.map((name) => [name, []]))
  for (let round = 0; round < warmup + rounds; round++) {
    const step = steps[round % steps.length] ?? 1
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn * step + round) % names.length] ?? ""
      before()
      const result = await contenders.get(name)?.()
      if (round >= warmup && result !== undefined) results.get(name)?.push(result)
    }
  }
  return results
}
