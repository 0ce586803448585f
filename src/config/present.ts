/** The file's shape shown to people and editors: effective values, an annotated start, a JSON Schema. */
import * as Schema from "effect/Schema"
import { stringify } from "yaml"
import { nodeDefaults } from "../../signatures/NodeConfig.ts"
import type { Loaded } from "./load.ts"
import { NodeFile } from "./NodeFile.ts"
import { fileShape, type Path, renderPath, type Shape, valueAt } from "./shape.ts"

export interface EffectiveValue {
  /** As in `chains[0].sessionCount`. */
  readonly key: string
  readonly value: unknown
  /** `node.yaml:3:7`, `environment variable …`, `flag …`, or `default`. */
  readonly origin: string
}

const effective = (loaded: Loaded, shape: Shape, path: Path): ReadonlyArray<EffectiveValue> => {
  const value = valueAt(loaded.values, path)
  if (shape._tag === "Keys" && !shape.open) {
    return [...shape.keys].flatMap(([key, inner]) => effective(loaded, inner, [...path, key]))
  }
  if (shape._tag === "List" && shape.item._tag === "Keys") {
    const items = Array.isArray(value) ? value : []
    return items.flatMap((_, index) => effective(loaded, shape.item, [...path, index]))
  }
  const origin = loaded.origin(path)
  if (origin !== undefined) return [{ key: renderPath(path), value, origin }]
  if (shape._tag === "Leaf" && shape.timesSessionCount !== undefined) {
    const sessions = Number(valueAt(loaded.values, [...path.slice(0, -1), "sessionCount"]) ?? nodeDefaults.sessionCount)
    const origin = `default: ${shape.timesSessionCount} × sessionCount`
    return [{ key: renderPath(path), value: shape.timesSessionCount * sessions, origin }]
  }
  return [{ key: renderPath(path), value: shape._tag === "Keys" ? {} : shape.default, origin: "default" }]
}

/** Every key with the value that holds and who gave it. */
export const effectiveValues = (loaded: Loaded): ReadonlyArray<EffectiveValue> => effective(loaded, fileShape, [])

const inline = (value: unknown): string => stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim()

/** `key: value  # origin`, the origins aligned. */
export const renderEffective = (values: ReadonlyArray<EffectiveValue>): string => {
  const lines = values.map(({ key, value, origin }) => [`${key}: ${inline(value)}`, origin] as const)
  const width = Math.min(72, Math.max(...lines.map(([line]) => line.length)))
  return lines.map(([line, origin]) => `${line.padEnd(width)}  # ${origin}`).join("\n")
}

/** Effect writes each check of a value as a schema of its own below `allOf`; one schema reads better, and says the same. */
const flatten = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(flatten)
  if (typeof schema !== "object" || schema === null) return schema
  const { allOf, ...own } = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, flatten(value)]))
  return Array.isArray(allOf) ? Object.assign(own, ...allOf) : own
}

/** For editors: completes keys, explains them, and marks mistakes. */
export const jsonSchema = (): unknown => {
  const { schema } = Schema.toJsonSchemaDocument(NodeFile, { onExcessProperty: "error" })
  return flatten({ $schema: "https://json-schema.org/draft/2020-12/schema", ...schema })
}

/** Texts that `init` writes in the place of what only the user can know. */
export interface Start {
  readonly values: unknown
  /** The first line, for editors. */
  readonly schema: string
}

const comment = (text: string, indent: string): ReadonlyArray<string> => text === "" ? [] : [`${indent}# ${text}`]

const keyLines = (key: string, shape: Shape, path: Path, values: unknown, indent: string): ReadonlyArray<string> => {
  const value = valueAt(values, path)
  const head = comment(shape.description, indent)
  if (shape._tag === "Keys" && !shape.open) {
    if (value !== undefined) return [...head, `${indent}${key}:`, ...blockLines(shape, path, values, `${indent}  `)]
    const inner = [...shape.keys].flatMap(([name, leaf]) => comment(`  ${name}: ${leaf.description}`, indent))
    return [...head, ...inner, `${indent}# ${key}: ${inline(defaultsOf(shape))}`]
  }
  if (shape._tag === "List" && shape.item._tag === "Keys") {
    const item = shape.item
    const items = Array.isArray(value) ? value : []
    return [
      ...head,
      `${indent}${key}:`,
      ...items.flatMap((_, index) => {
        const lines = blockLines(item, [...path, index], values, `${indent}    `)
        return lines.map((line, at) => at === 0 ? `${indent}  - ${line.trimStart()}` : line)
      })
    ]
  }
  if (value !== undefined) return [...head, ...written(key, value, indent)]
  if (shape._tag === "Leaf" && shape.timesSessionCount !== undefined) {
    const times = shape.timesSessionCount
    return [...head, `${indent}# ${key}: ${times * nodeDefaults.sessionCount}  # default: ${times} × sessionCount`]
  }
  const fallback = shape._tag === "Keys" ? undefined : shape.default
  return fallback === undefined ? [] : [...head, `${indent}# ${key}: ${inline(fallback)}`]
}

const defaultsOf = (shape: Shape & { readonly _tag: "Keys" }): unknown =>
  Object.fromEntries([...shape.keys].map(([key, inner]) => [key, inner._tag === "Leaf" ? inner.default : undefined]))

const written = (key: string, value: unknown, indent: string): ReadonlyArray<string> =>
  stringify({ [key]: value }, { lineWidth: 0 }).trimEnd().split("\n").map((line) => `${indent}${line}`)

const blockLines = (
  shape: Shape & { readonly _tag: "Keys" },
  path: Path,
  values: unknown,
  indent: string
): ReadonlyArray<string> => {
  const groups = [...shape.keys].map(([key, inner]) => keyLines(key, inner, [...path, key], values, indent))
  return groups.filter((lines) => lines.length > 0).flatMap((lines) => path.length === 0 ? ["", ...lines] : lines)
}

/** An annotated file: the given values written out, every other key as a comment with its default. */
export const annotated = ({ schema, values }: Start): string =>
  [`# yaml-language-server: $schema=${schema}`, ...blockLines(fileShape, [], values, ""), ""].join("\n")
