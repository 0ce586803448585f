/** Durations and sizes are texts with a unit, so that nobody has to guess what a bare number means. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

export const durationPattern = /^(\d+(\.\d+)? (nano|micro|milli|second|minute|hour|day|week)s?|infinity)$/
export const sizePattern = /^(\d+) ?(B|kB|KiB|MB|MiB)$/
const bytesPer: Readonly<Record<string, number>> = { B: 1, kB: 1000, KiB: 1024, MB: 1_000_000, MiB: 1024 * 1024 }

/** `4 minutes`, `500 millis`, or `infinity`. */
export const parseDuration = (text: string): Option.Option<Duration.Duration> =>
  text === "infinity"
    ? Option.some(Duration.infinity)
    : durationPattern.test(text)
    ? Duration.fromInput(text as Duration.Input)
    : Option.none()

/** In bytes: `2 MiB`, `64 KiB`, `1 MB`. */
export const parseSize = (text: string): Option.Option<number> => {
  const [, digits, unit] = sizePattern.exec(text) ?? []
  return digits === undefined || unit === undefined
    ? Option.none()
    : Option.some(Number(digits) * (bytesPer[unit] ?? Number.NaN))
}

/** The text of a size in its largest whole binary unit. */
export const formatSize = (bytes: number): string =>
  bytes % (1024 * 1024) === 0
    ? `${bytes / 1024 / 1024} MiB`
    : bytes % 1024 === 0
    ? `${bytes / 1024} KiB`
    : `${bytes} B`
