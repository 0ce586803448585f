/** Turns what a schema says about a value into sentences about places of the user's file. */
import * as AST from "effect/SchemaAST"
import * as Issue from "effect/SchemaIssue"
import { nearest } from "./nearest.ts"
import { type Path, type Shape, shapeAt, valueAt } from "./shape.ts"

export interface Finding {
  readonly path: Path
  /** Which of the two is wrong: an unknown key, or a value. */
  readonly part: "key" | "value"
  readonly what: string
}

type Leaf = readonly [path: Path, issue: Exclude<Issue.Issue, Issue.Pointer | Issue.Composite | Issue.Encoding>]

const leaves = (issue: Issue.Issue, path: Path): ReadonlyArray<Leaf> => {
  switch (issue._tag) {
    case "Pointer":
      return leaves(issue.issue, [...path, ...issue.path.map((key) => typeof key === "symbol" ? String(key) : key)])
    case "Composite":
      return issue.issues.flatMap((inner) => leaves(inner, path))
    case "Encoding":
      return leaves(issue.issue, path)
    default:
      return [[path, issue]]
  }
}

/** A found value, short enough for a line. */
export const show = (value: unknown): string => {
  if (value === undefined || value === null) return "nothing"
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

const formatter = Issue.makeFormatterDefault()

const unknownKey = (path: Path, ast: AST.AST): string => {
  const known = AST.isObjects(ast) ? ast.propertySignatures.map(({ name }) => String(name)) : []
  const meant = nearest(String(path.at(-1) ?? ""), known)
  return `unknown key${meant === undefined ? `; known here: ${known.join(", ")}` : `; did you mean ${meant}?`}`
}

/**
 * `value` is what the schema was applied to, `base` the path at which it stands in the file; `shape` describes it where it
 * is known: then the shape's own words are used.
 */
export const explain = (issue: Issue.Issue, value: unknown, base: Path = [], shape?: Shape): ReadonlyArray<Finding> =>
  // Several checks of one value may fail, and say the same.
  distinct(
    leaves(issue, base).map(([path, leaf]) => {
      if (leaf._tag === "UnexpectedKey") return { path, part: "key", what: unknownKey(path, leaf.ast) }
      const found = valueAt(value, path.slice(base.length))
      const expected = shape === undefined ? undefined : shapeAt(path.slice(base.length), shape)?.expected
      if (expected !== undefined && expected !== "") {
        const quotes = typeof found === "number" && expected.startsWith("a text") ? ": put it in quotes" : ""
        return { path, part: "value", what: `expected ${expected}, got ${show(found)}${quotes}` }
      }
      const [said = ""] = formatter(leaf).split("\n")
      return {
        path,
        part: "value",
        what: leaf._tag === "MissingKey"
          ? "expected a value, got nothing"
          : `${said.slice(0, 1).toLowerCase()}${said.slice(1)}${said.includes(", got ") ? "" : `, got ${show(found)}`}`
      }
    })
  )

const distinct = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => [
  ...new Map(findings.map((finding) => [JSON.stringify([finding.path, finding.what]), finding])).values()
]
