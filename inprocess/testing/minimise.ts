import { type Choices, formatChoices, parseChoices } from "../kernel/index.ts"

/** How often it is tried: a simpler schedule is worth seconds, not minutes. */
const mostTries = 200

/** The same list with a part of it replaced: chunk by chunk, in ever smaller chunks. */
function* simpler(list: ReadonlyArray<number>, instead: (chunk: ReadonlyArray<number>) => ReadonlyArray<number>) {
  for (let size = list.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < list.length; from += size) {
      const chunk = list.slice(from, from + size)
      const replaced = instead(chunk)
      if (replaced.length !== chunk.length || chunk.some((it) => it !== 0)) {
        yield [...list.slice(0, from), ...replaced, ...list.slice(from + size)]
      }
    }
  }
}

function* candidates(choices: Choices): Generator<Choices> {
  if (choices.wakeUps) yield { ...choices, wakeUps: false }
  for (const yields of simpler(choices.yields, () => [])) yield { ...choices, yields }
  for (const picks of simpler(choices.picks, (chunk) => chunk.map(() => 0))) yield { ...choices, picks }
}

/** Fewer decisions of a schedule that still fail in the same way, as far as they are found soon. */
export const minimiseChoices = (text: string, stillFails: (choices: string) => boolean): string => {
  let best = parseChoices(text)
  if (best === undefined) return text
  let tries = 0
  for (let found: Choices | undefined = best; found !== undefined;) {
    best = found
    found = undefined
    for (const candidate of candidates(best)) {
      if (tries++ >= mostTries) break
      if (!stillFails(formatChoices(candidate))) continue
      found = candidate
      break
    }
  }
  return formatChoices(best)
}
