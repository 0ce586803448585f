/** A schema's tree as the rest of this folder walks it: keys, lists and leaves with their documentation. */
import * as AST from "effect/SchemaAST"
import { NodeFile } from "./NodeFile.ts"

export type Path = ReadonlyArray<string | number>

interface Documented {
  readonly expected: string
  readonly description: string
  readonly optional: boolean
}
export type Shape =
  | Documented & { readonly _tag: "Keys"; readonly keys: ReadonlyMap<string, Shape>; readonly open: boolean }
  | Documented & { readonly _tag: "List"; readonly item: Shape; readonly default: unknown }
  | Documented & {
    readonly _tag: "Leaf"
    readonly default: unknown
    /** Left out, the value is so many times `sessionCount`. */
    readonly timesSessionCount: number | undefined
    readonly kind: "text" | "number" | "boolean"
  }

const text = (value: unknown): string => typeof value === "string" ? value : ""

const shapeOf = (ast: AST.AST): Shape => {
  const notes = AST.resolve(ast) ?? {}
  const documented: Documented = {
    expected: text(notes["expected"]),
    description: text(notes["description"]),
    optional: AST.isOptional(ast)
  }
  if (AST.isObjects(ast)) {
    return {
      ...documented,
      _tag: "Keys",
      keys: new Map(ast.propertySignatures.map(({ name, type }) => [String(name), shapeOf(type)])),
      open: ast.indexSignatures.length > 0
    }
  }
  const item = AST.isArrays(ast) ? ast.rest[0] : undefined
  if (item !== undefined) return { ...documented, _tag: "List", item: shapeOf(item), default: notes["default"] }
  const times = notes["timesSessionCount"]
  return {
    ...documented,
    _tag: "Leaf",
    default: notes["default"],
    timesSessionCount: typeof times === "number" ? times : undefined,
    kind: AST.isNumber(ast) ? "number" : AST.isBoolean(ast) ? "boolean" : "text"
  }
}

export const fileShape: Shape & { readonly _tag: "Keys" } = (() => {
  const shape = shapeOf(NodeFile.ast)
  if (shape._tag !== "Keys") throw new Error("a config file is a set of keys")
  return shape
})()

/** The shape at a path: none below a leaf, an open set of keys, or at an unknown key. */
export const shapeAt = (path: Path, from: Shape = fileShape): Shape | undefined => {
  const [head, ...rest] = path
  if (head === undefined) return from
  const next = from._tag === "List" ? from.item : from._tag === "Keys" ? from.keys.get(String(head)) : undefined
  return next === undefined ? undefined : shapeAt(rest, next)
}

/** The value at a path of whatever was read. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (at, key) => typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined,
    value
  )

export const renderPath = (path: Path): string =>
  path.reduce<string>(
    (text, key) => typeof key === "number" ? `${text}[${key}]` : text === "" ? key : `${text}.${key}`,
    ""
  )
