import { Option } from "effect"
import { parseChoices } from "../kernel/index.ts"
import { type FaultPlan, parsePlan, printPlan } from "../network/index.ts"

/** Where a run is asked for by name: what `printReplay` gave. */
export const replayVariable = "CHAIN_P2P_SIM"

/** What makes one run of a scenario. */
export interface Replay {
  readonly seed: number
  readonly plan: FaultPlan
  /** What the schedule decided. Undefined: the schedule that is drawn from the seed. */
  readonly choices?: string | undefined
}

/** Longer ones are no help to anybody, and the seed decides the same. */
const longestChoices = 4_000

/** `seed=7;plan=crash(2,0)@350 restart(2)@700;choices=c_2.0.1_`, without quotes. */
export const printReplay = ({ choices, plan, seed }: Replay): string =>
  [
    `seed=${seed}`,
    ...plan.length === 0 ? [] : [`plan=${printPlan(plan)}`],
    ...choices === undefined || choices.length > longestChoices ? [] : [`choices=${choices}`]
  ].join(";")

/** None if it is not what `printReplay` gives. */
export const parseReplay = (text: string): Option.Option<Replay> => {
  const [, digits = "", planned = "", choices] =
    /^seed=(\d{1,10})(?:;plan=([^;]*))?(?:;choices=([^;]*))?$/.exec(text.trim()) ?? []
  if (digits === "" || (choices !== undefined && parseChoices(choices) === undefined)) return Option.none()
  return Option.map(parsePlan(planned), (plan) => ({ seed: Number(digits), plan, choices }))
}

/** As a word of a shell, where it needs it. */
const quoted = (text: string): string => /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

/** The line to paste. Without the name of a test: what goes before any command that runs the check. */
export const replayLine = (replay: Replay, test: string | undefined): string => {
  const variable = `${replayVariable}='${printReplay(replay)}'`
  if (test === undefined) return variable
  const pattern = test.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
  return `${variable} npx vitest run -t ${quoted(pattern)}`
}
