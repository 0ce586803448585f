/** Which folder may import what: the one place where it is written down as data. No import-graph tool reads TypeScript 7. */
import { dirname, join } from "node:path/posix"

type Kind = "effect" | "npm" | "node" | `npm:${string}`

interface Room {
  readonly folder: string
  readonly imports: ReadonlyArray<string | Kind>
}

const leaf = ["effect", "signatures", "npm", "node"] as const
const pure = ["npm:cborg", "npm:@noble/hashes"] as const
const assembly = ["src/node", "src/wire", "src/pool", "src/peers"] as const

/** The first row whose folder holds the file counts: more specific folders come first. */
const rooms: ReadonlyArray<Room> = [
  { folder: "signatures", imports: ["effect"] },
  { folder: "src/node", imports: ["effect", "signatures"] },
  { folder: "src/pool", imports: ["effect", "signatures"] },
  { folder: "src/peers", imports: ["effect", "signatures"] },
  { folder: "src/wire", imports: ["effect", "signatures", ...pure] },
  { folder: "src/sessions", imports: ["effect", "signatures", ...pure] },
  { folder: "src/libp2p", imports: leaf },
  { folder: "src/disk", imports: leaf },
  { folder: "src/config", imports: leaf },
  { folder: "src/discovery", imports: leaf },
  { folder: "src/promises", imports: ["effect", "signatures"] },
  {
    folder: "src/cli",
    imports: [
      ...leaf,
      ...assembly,
      "src",
      "src/sessions",
      "src/libp2p",
      "src/disk",
      "src/config",
      "src/discovery",
      "src/promises",
      "inprocess",
      "chains"
    ]
  },
  {
    folder: "src",
    imports: [
      ...leaf,
      ...assembly,
      "src/sessions",
      "src/libp2p",
      "src/disk",
      "src/config",
      "src/discovery",
      "src/promises"
    ]
  },
  { folder: "inprocess/kernel", imports: ["effect", "signatures"] },
  { folder: "inprocess/network", imports: ["effect", "signatures", "inprocess/kernel"] },
  {
    folder: "inprocess",
    imports: [
      "effect",
      "signatures",
      "inprocess/kernel",
      "inprocess/network",
      ...assembly,
      "npm:fast-check",
      "npm:vitest"
    ]
  },
  { folder: "chains", imports: ["effect", "signatures", "src/node"] }
]

/** Folders that run unchanged over simulated time: only what `effect` tags as stable, and only these rooms. */
const core = [
  "signatures",
  "src/node",
  "src/wire",
  "src/pool",
  "src/peers",
  "src/sessions",
  "inprocess",
  "chains"
] as const

const within = (file: string, folder: string) => file.startsWith(`${folder}/`)

const roomOf = (file: string): string => rooms.find(({ folder }) => within(file, folder))?.folder ?? file

const withoutComments = (source: string) => source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "")

/** Of `import … from`, `export … from`, `import "…"` and `import("…")`. */
const specifiersOf = (source: string): ReadonlyArray<string> =>
  Array.from(
    withoutComments(source).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["'`]([^"'`]+)["'`]/g),
    (match) => match[1] ?? ""
  )

const targetOf = (file: string, specifier: string): string => {
  if (specifier.startsWith(".")) return roomOf(join(dirname(file), specifier))
  if (specifier.startsWith("node:")) return "node"
  return specifier === "effect" || specifier.startsWith("effect/") ? "effect" : `npm:${specifier}`
}

const mayImport = (room: Room, target: string): boolean =>
  target === room.folder ||
  room.imports.some((allowed) =>
    allowed === target || (allowed === "npm" && target.startsWith("npm:")) ||
    (allowed.startsWith("npm:") && target.startsWith(`${allowed}/`))
  )

/** Every import that the table does not allow, as `file -> specifier`. */
export const forbiddenImports = (sources: ReadonlyMap<string, string>): ReadonlyArray<string> =>
  Array.from(sources).flatMap(([file, source]) => {
    const room = rooms.find(({ folder }) => within(file, folder))
    if (room === undefined) return [`${file} is in no room of the table`]
    return specifiersOf(source)
      .filter((specifier) => !mayImport(room, targetOf(file, specifier)))
      .map((specifier) => `${file} -> ${specifier}`)
  })

/** What `effect` exports, by module, with the stability that its sources state. */
export type Stability = (module: string, member?: string) => "stable" | "unstable" | undefined

/** Every use of a module or member of `effect` that is not tagged stable, in the core folders. */
export const unstableUses = (sources: ReadonlyMap<string, string>, stability: Stability): ReadonlyArray<string> =>
  Array.from(sources).filter(([file]) => core.some((folder) => within(file, folder))).flatMap(([file, source]) => {
    const text = withoutComments(source)
    const subpaths = specifiersOf(source).filter((specifier) => specifier.startsWith("effect/"))
    const named = Array.from(
      text.matchAll(/import\s*(?:type\s*)?\{([^}]*)\}\s*from\s*"effect"/g),
      (match) => match[1] ?? ""
    )
      .flatMap((list) => list.split(","))
      .map((name) => name.replace(/\btype\b/, "").trim())
      .filter((name) => name !== "")
    const whole = Array.from(
      text.matchAll(/import\s*(?:type\s*)?\* as (\w+)\s*from\s*"effect\/(\w+)"/g),
      (match) => [match[1] ?? "", match[2] ?? ""] as const
    )
    const members = [...named.map((name) => [name, name] as const), ...whole].flatMap(([name, module]) =>
      Array.from(text.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, "g")), (match) => [module, match[1] ?? ""] as const)
    )
    return [
      ...subpaths.filter((specifier) => stability(specifier.slice("effect/".length)) !== "stable").map((specifier) =>
        `${file} imports ${specifier}`
      ),
      ...named.filter((module) => stability(module) !== "stable").map((module) => `${file} uses ${module}`),
      ...members.filter(([module, member]) => stability(module, member) === "unstable").map((use) =>
        `${file} uses ${use.join(".")}`
      )
    ]
  })
