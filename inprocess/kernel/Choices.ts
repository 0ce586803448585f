/** What a schedule left open and a run decided: enough to run it again, and to make it simpler. */
export interface Choices {
  /** Whether wake-ups were decisions too. */
  readonly wakeUps: boolean
  /** Which went next, of those that could, in the order in which they came: 0 is the first. Beyond the end: 0. */
  readonly picks: ReadonlyArray<number>
  /** After how many further operations a fiber was made to yield, each from the last. Beyond the end: never. */
  readonly yields: ReadonlyArray<number>
}

/** Numbers in base 36, equal ones in a row as `number-count`. */
const encode = (numbers: ReadonlyArray<number>): string => {
  const runs: Array<string> = []
  for (let from = 0; from < numbers.length;) {
    let to = from + 1
    while (to < numbers.length && numbers[to] === numbers[from]) to++
    const text = (numbers[from] ?? 0).toString(36)
    runs.push(to - from === 1 ? text : `${text}-${(to - from).toString(36)}`)
    from = to
  }
  return runs.join(".")
}

const decode = (text: string): Array<number> =>
  text === "" ? [] : text.split(".").flatMap((run) => {
    const [value = "", count = "1"] = run.split("-")
    return Array.from({ length: Number.parseInt(count, 36) }, () => Number.parseInt(value, 36))
  })

/** Short, on one line, and without characters that a shell or an address minds. */
export const formatChoices = ({ picks, wakeUps, yields }: Choices): string => {
  const last = picks.findLastIndex((pick) => pick !== 0)
  return `${wakeUps ? "w" : "c"}_${encode(picks.slice(0, last + 1))}_${encode(yields)}`
}

const numbers = String.raw`(?:[0-9a-z]{1,6}(?:-[0-9a-z]{1,4})?(?:\.[0-9a-z]{1,6}(?:-[0-9a-z]{1,4})?)*)?`
const form = new RegExp(`^([cw])_(${numbers})_(${numbers})$`)

/** Undefined if the text is not one that `formatChoices` has written. */
export const parseChoices = (text: string): Choices | undefined => {
  const [, kind, picks, yields] = form.exec(text) ?? []
  if (picks === undefined || yields === undefined) return undefined
  return { wakeUps: kind === "w", picks: decode(picks), yields: decode(yields) }
}
