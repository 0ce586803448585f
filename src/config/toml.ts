/** Where the keys of a TOML file are. Effect's parser tells no positions, so the lines are read once more for them alone. */
import type { Path } from "./shape.ts"

export interface TomlPlace {
  readonly line: number
  readonly key: number
  readonly value: number
}

const keyPattern = String.raw`(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')`
const dotted = String.raw`${keyPattern}(?:\s*\.\s*${keyPattern})*`
const header = new RegExp(String.raw`^\s*(\[\[?)\s*(${dotted})\s*\]\]?`)
const assignment = new RegExp(String.raw`^(\s*)(${dotted})\s*=\s*`)
const keys = (text: string): Array<string> =>
  (text.match(new RegExp(keyPattern, "g")) ?? []).map((key) => key.replace(/^["']|["']$/g, ""))

const textOf = (path: Path): string => JSON.stringify(path)

/**
 * By path, as JSON text. Covers tables, arrays of tables and `key = value`; what stands inside an inline table or a list
 * is found at the key that holds it.
 */
export const tomlPlaces = (text: string): ReadonlyMap<string, TomlPlace> => {
  const places = new Map<string, TomlPlace>()
  const counts = new Map<string, number>()
  let table: Path = []
  /** The elements that the array tables of a path stand for at this line. */
  const resolve = (names: ReadonlyArray<string>): Path => {
    const path: Array<string | number> = []
    for (const name of names) {
      path.push(name)
      const count = counts.get(textOf(path))
      if (count !== undefined) path.push(count)
    }
    return path
  }
  text.split("\n").forEach((content, index) => {
    const line = index + 1
    const [, brackets, name] = header.exec(content) ?? []
    if (brackets !== undefined && name !== undefined) {
      const names = keys(name)
      if (brackets === "[[") {
        const array = [...resolve(names.slice(0, -1)), names.at(-1) ?? ""]
        counts.set(textOf(array), (counts.get(textOf(array)) ?? -1) + 1)
        if (!places.has(textOf(array))) places.set(textOf(array), { line, key: 1, value: 1 })
      }
      table = resolve(names)
      places.set(textOf(table), { line, key: 1, value: 1 })
      return
    }
    const [whole, indent, key] = assignment.exec(content) ?? []
    if (whole !== undefined && indent !== undefined && key !== undefined) {
      places.set(textOf([...table, ...keys(key)]), { line, key: indent.length + 1, value: whole.length + 1 })
    }
  })
  return places
}

/** The place of the longest part of a path that has one. */
export const tomlPlaceOf = (places: ReadonlyMap<string, TomlPlace>, path: Path): TomlPlace | undefined =>
  places.get(textOf(path)) ?? (path.length === 0 ? undefined : tomlPlaceOf(places, path.slice(0, -1)))
