/**
 * The environment's word on single keys: `CHAIN_P2P_DATA_DIR`, `CHAIN_P2P_LIMITS_LINKS`, and for a chain of the file
 * `CHAIN_P2P_CHAIN_<NAME>_SESSION_COUNT`. Lists are separated by commas or blanks.
 */
import { didYouMean } from "./nearest.ts"
import { fileShape, type Path, type Shape, valueAt } from "./shape.ts"
import { configVariable } from "./variable.ts"

/** A value from elsewhere than the file, and who says so: the later of two wins. */
export interface Override {
  readonly path: Path
  readonly value: unknown
  readonly source: string
}

const constant = (name: string): string =>
  name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[^A-Za-z0-9]+/g, "_").toUpperCase()

const variables = (shape: Shape, prefix: string, path: Path): ReadonlyArray<readonly [string, Path, Shape]> =>
  shape._tag === "Keys"
    ? [...shape.keys].flatMap(([key, inner]) => variables(inner, `${prefix}_${constant(key)}`, [...path, key]))
    : [[prefix, path, shape]]

/** Every name that has a meaning for a file with these values. */
const knownVariables = (file: unknown): ReadonlyMap<string, readonly [path: Path, shape: Shape]> => {
  const chains = valueAt(file, ["chains"])
  const entry = fileShape.keys.get("chains")
  const perChain = Array.isArray(chains) && entry?._tag === "List"
    ? chains.flatMap((chain: unknown, index) => {
      const name = valueAt(chain, ["name"])
      return typeof name === "string"
        ? variables(entry.item, `CHAIN_P2P_CHAIN_${constant(name)}`, ["chains", index])
        : []
    })
    : []
  const general = [...fileShape.keys].flatMap(([key, shape]) =>
    key === "chains" ? [] : variables(shape, `CHAIN_P2P_${constant(key)}`, [key])
  )
  return new Map(
    [...general, ...perChain]
      .filter(([, path]) => path.at(-1) !== "name")
      .map(([name, path, shape]) => [name, [path, shape] as const])
  )
}

const read = (text: string, shape: Shape): unknown => {
  if (shape._tag === "List") {
    return text.split(/[\s,]+/).filter((part) => part !== "").map((part) => read(part, shape.item))
  }
  if (shape._tag !== "Leaf" || shape.kind === "text") return text
  if (shape.kind === "boolean") return text === "true" ? true : text === "false" ? false : text
  return /^\d+$/.test(text) ? Number(text) : text
}

/** What the environment says, and warnings about names that mean nothing. */
export const readEnvironment = (
  environment: Readonly<Record<string, string | undefined>>,
  file: unknown
): { readonly overrides: ReadonlyArray<Override>; readonly warnings: ReadonlyArray<string> } => {
  const known = knownVariables(file)
  const overrides: Array<Override> = []
  const warnings: Array<string> = []
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith("CHAIN_P2P_") || name === configVariable || text === undefined) continue
    const meaning = known.get(name)
    if (meaning === undefined) {
      warnings.push(`environment variable ${name}: unknown, so it is ignored${didYouMean(name, known.keys())}`)
    } else {
      overrides.push({ path: meaning[0], value: read(text, meaning[1]), source: `environment variable ${name}` })
    }
  }
  return { overrides, warnings }
}
