import { assert, describe, it } from "@effect/vitest"
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { forbiddenImports, type Stability, unstableUses } from "./imports.ts"

const root = join(import.meta.dirname, "../..")

const sources = new Map(
  globSync("{signatures,src,inprocess,chains}/**/*.ts", { cwd: root })
    .map((file) => [file.replaceAll("\\", "/"), readFileSync(join(root, file), "utf8")] as const)
)

const effectSource = (file: string) => {
  const path = join(root, "node_modules/effect/src", file)
  return existsSync(path) ? readFileSync(path, "utf8") : ""
}
const tagged = (source: string, pattern: RegExp): ReadonlyMap<string, string> =>
  new Map(
    Array.from(source.matchAll(new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*${pattern.source}`, "g")), (match) => [
      match[2] ?? "",
      /@stability (\w+)/.exec(match[1] ?? "")?.[1] ?? ""
    ])
  )
const modules = tagged(effectSource("index.ts"), /export \* as (\w+) from/)
const members = new Map<string, ReadonlyMap<string, string>>()
const stability: Stability = (module, member) => {
  if (member === undefined) return modules.get(module) === "stable" ? "stable" : "unstable"
  if (!members.has(module)) {
    members.set(
      module,
      tagged(effectSource(`${module}.ts`), /export (?:declare )?(?:const|function|class|interface|type) (\w+)/)
    )
  }
  const tag = members.get(module)?.get(member)
  return tag === undefined || tag === "" ? undefined : tag === "stable" ? "stable" : "unstable"
}

describe("the imports between folders", () => {
  it("go only where the table allows", () => {
    assert.isAbove(sources.size, 10)
    assert.deepStrictEqual(forbiddenImports(sources), [])
  })

  it("are found where they are planted, in whatever form", () => {
    const planted = new Map([
      ["src/node/a.ts", `import { x } from "../libp2p/index.ts"`],
      ["src/pool/b.ts", `export * from "../wire/Core.ts"`],
      ["src/wire/c.ts", `import type {\n  Stream\n} from "@libp2p/interface"`],
      ["signatures/d.ts", `import "node:fs"`],
      ["chains/e.ts", `const m = () => import("../inprocess/index.ts")`],
      ["src/index.ts", `import { main } from "./cli/main.ts"`],
      ["src/stray/f.ts", `import { main } from "../cli/main.ts"`],
      ["stray/g.ts", ""]
    ])
    assert.deepStrictEqual(forbiddenImports(planted), [
      "src/node/a.ts -> ../libp2p/index.ts",
      "src/pool/b.ts -> ../wire/Core.ts",
      "src/wire/c.ts -> @libp2p/interface",
      "signatures/d.ts -> node:fs",
      "chains/e.ts -> ../inprocess/index.ts",
      "src/index.ts -> ./cli/main.ts",
      "src/stray/f.ts -> ../cli/main.ts",
      "stray/g.ts is in no room of the table"
    ])
  })

  it("let through what the table allows", () => {
    const fine = new Map([
      ["src/wire/a.ts", `import { sha256 } from "@noble/hashes/sha2.js"\nimport { Effect } from "effect"`],
      ["src/libp2p/b.ts", `import { readFile } from "node:fs/promises"\nimport { createLibp2p } from "libp2p"`],
      ["src/index.ts", `export * from "./node/index.ts"\n/** import { main } from "./cli/main.ts" */`]
    ])
    assert.deepStrictEqual(forbiddenImports(fine), [])
  })
})

describe("the core folders", () => {
  it("use only what effect tags as stable", () => {
    assert.deepStrictEqual(unstableUses(sources, stability), [])
  })

  it("are caught using an unstable module or member", () => {
    const planted = new Map([
      ["src/pool/a.ts", `import { Effect, FileSystem } from "effect"`],
      ["src/node/b.ts", `import { IpNetwork } from "effect/net"`],
      ["src/peers/c.ts", `import { Schema } from "effect"\nconst a = Schema.ByteSize`]
    ])
    assert.deepStrictEqual(unstableUses(planted, stability), [
      "src/pool/a.ts uses FileSystem",
      "src/node/b.ts imports effect/net",
      "src/peers/c.ts uses Schema.ByteSize"
    ])
  })
})
