/** Rows under their heads, columns aligned, for a terminal. */
export const table = (heads: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string => {
  const lines = [heads, ...rows.map((row) => row.map(String))]
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const isNumeric = heads.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"))
  return lines
    .map((line) =>
      widths
        .map((width, column) =>
          isNumeric[column] === true ? (line[column] ?? "").padStart(width) : (line[column] ?? "").padEnd(width)
        )
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

/** `3 s`, `4 min`, `2 h`, `5 d`: enough to see how long something has been. */
export const ago = (seconds: number): string =>
  seconds < 120
    ? `${Math.floor(seconds)} s`
    : seconds < 7_200
    ? `${Math.floor(seconds / 60)} min`
    : seconds < 172_800
    ? `${Math.floor(seconds / 3_600)} h`
    : `${Math.floor(seconds / 86_400)} d`
