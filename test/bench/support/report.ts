/** What every benchmark prints: a table for people, or with `--json` one object on stdout and nothing else there. */

export interface Goal {
  readonly name: string
  readonly value: number
  readonly target: string
  readonly met: boolean
}

export type Row = Readonly<Record<string, string | number | boolean>>

export const atMost = (name: string, value: number, limit: number): Goal => ({
  name,
  value: rounded(value),
  target: `<= ${limit}`,
  met: value <= limit
})

export const atLeast = (name: string, value: number, limit: number): Goal => ({
  name,
  value: rounded(value),
  target: `>= ${limit}`,
  met: value >= limit
})

/** Three significant digits: more would be noise. */
export const rounded = (value: number): number => Number.isFinite(value) ? Number(value.toPrecision(3)) : value

const table = (rows: ReadonlyArray<Row>): string => {
  const columns = Array.from(new Set(rows.flatMap((row) => Object.keys(row))))
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => (line[index] ?? "").length)))
  return cells.map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ").trimEnd()).join("\n")
}

const isJson = process.argv.includes("--json")

/** Progress, never on stdout. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`)

export const report = (name: string, rows: ReadonlyArray<Row>, goals: ReadonlyArray<Goal>): void => {
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ name, node: process.version, rows, goals })}\n`)
    return
  }
  process.stdout.write(`${table(rows)}\n\n`)
  process.stdout.write(
    `${table(goals.map((goal) => ({ goal: goal.name, value: goal.value, target: goal.target, met: goal.met })))}\n`
  )
}
