/** A config file as read: its values, and where each of them stands. YAML (JSON is a part of it) or TOML by the extension. */
import * as Toml from "effect/encoding/Toml"
import * as Result from "effect/Result"
import { isMap, isNode, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from "yaml"
import type { ConfigMistake } from "../../signatures/Config.ts"
import type { Path } from "./shape.ts"
import { tomlPlaceOf, tomlPlaces } from "./toml.ts"

interface Place {
  readonly line: number
  readonly column: number
}

export interface Document {
  readonly source: string
  readonly value: unknown
  /** Of a value, or of its key; of the nearest thing around it where it isn't there itself. */
  readonly place: (path: Path, part: "key" | "value") => Place | undefined
  /** Of the syntax. With any, `value` is not to be trusted. */
  readonly mistakes: ReadonlyArray<ConfigMistake>
}

const readYaml = (source: string, text: string): Document => {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, uniqueKeys: true })
  const at = (offset: number): Place => {
    const { line, col } = counter.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const mistakes: Array<ConfigMistake> = document.errors.map((error) => ({
    source,
    ...at(error.pos[0]),
    path: "",
    what: error.message
  }))
  const pairOf = (map: YAMLMap<unknown, unknown>, key: string | number): Pair<unknown, unknown> | undefined =>
    map.items.find((pair) => (isScalar(pair.key) ? String(pair.key.value) : pair.key) === String(key))
  const place = (path: Path, part: "key" | "value"): Place | undefined => {
    if (path.length === 0) {
      return isNode(document.contents) && document.contents.range
        ? at(document.contents.range[0])
        : at(0)
    }
    const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
    const pair = isMap(parent) ? pairOf(parent, path.at(-1) ?? "") : undefined
    const node = part === "key" && pair !== undefined ? pair.key : document.getIn(path, true)
    if (isNode(node) && node.range) return at(node.range[0])
    return isNode(pair?.key) && pair.key.range ? at(pair.key.range[0]) : place(path.slice(0, -1), "value")
  }
  if (mistakes.length > 0) return { source, value: undefined, place, mistakes }
  try {
    return { source, value: document.toJS({ maxAliasCount: 100 }), place, mistakes }
  } catch (cause) {
    // Aliases without an anchor, or so many that they would fill the memory.
    const what = cause instanceof Error ? cause.message : "the aliases can't be resolved"
    return { source, value: undefined, place, mistakes: [{ source, line: 1, column: 1, path: "", what }] }
  }
}

const readToml = (source: string, text: string): Document => {
  const places = tomlPlaces(text)
  const place = (path: Path, part: "key" | "value"): Place | undefined => {
    const found = tomlPlaceOf(places, path)
    return found === undefined ? { line: 1, column: 1 } : { line: found.line, column: found[part] }
  }
  return Result.match(Toml.parse(text), {
    onSuccess: (value) => ({ source, value, place, mistakes: [] }),
    onFailure: (error) => {
      const [, line, column] = /line (\d+)(?:,? col(?:umn)? (\d+))?/i.exec(error.message) ?? []
      return {
        source,
        value: undefined,
        place,
        mistakes: [{ source, line: Number(line ?? 1), column: Number(column ?? 1), path: "", what: error.message }]
      }
    }
  })
}

export const readDocument = (source: string, text: string): Document =>
  source.toLowerCase().endsWith(".toml") ? readToml(source, text) : readYaml(source, text)
