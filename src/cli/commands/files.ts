/** `init`, `config check`, `config print`, `schema`, `key show`: they start nothing. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { demoChains } from "../../../chains/data/index.ts"
import {
  annotated,
  effectiveValues,
  jsonSchema,
  keyPath,
  loadKey,
  type NodeKey,
  renderEffective
} from "../../config/index.ts"
import { configFileOf, type ConfigFlags, dataDirOf, load, warn } from "../configFlags.ts"
import { CliFailed } from "../failure.ts"
import { note, print, printJson } from "../output.ts"
import { checkSession } from "../sessionModules.ts"

const schemaName = "chain-p2p.schema.json"

const write = (path: string, text: string, flag: "w" | "wx"): Effect.Effect<void, CliFailed> =>
  Effect.try({
    try: () => writeFileSync(path, text, { flag }),
    catch: (cause) =>
      new CliFailed({
        message: cause instanceof Error && "code" in cause && cause.code === "EEXIST"
          ? `${path} exists already: name another file, or move it away`
          : `${path} can't be written${cause instanceof Error ? ` (${cause.message})` : ""}`
      })
  })

export const init = Effect.fnUntraced(function*(file: string) {
  const values = {
    network: "mainnet",
    chains: demoChains.slice(0, 1).map(({ name, genesis }) => ({
      name,
      genesis,
      session: "header-sync",
      options: { headers: `./data/${name}.headers` }
    }))
  }
  yield* write(file, annotated({ schema: `./${schemaName}`, values }), "wx")
  const schema = join(dirname(file), schemaName)
  yield* write(schema, `${JSON.stringify(jsonSchema(), undefined, 2)}\n`, "w")
  yield* note(
    `wrote ${file}, and ${basename(schema)} for your editor\n` +
      `next: name peers in bootstrap, then  chain-p2p config check ${file}  and  chain-p2p run -c ${file}`
  )
})

export const check = Effect.fnUntraced(function*(config: Option.Option<string>) {
  const loaded = yield* load({ config }, checkSession)
  yield* warn(loaded)
  const count = loaded.settings.chains.length
  yield* note(`${configFileOf(config)}: valid, ${count} ${count === 1 ? "chain" : "chains"}`)
})

export const printConfig = Effect.fnUntraced(function*(flags: ConfigFlags & { readonly json: boolean }) {
  const loaded = yield* load(flags)
  yield* warn(loaded)
  const values = effectiveValues(loaded)
  yield* flags.json ? printJson(values) : print(renderEffective(values))
})

export const schema = Effect.suspend(() => printJson(jsonSchema()))

const showKey = ({ peer, publicKey }: NodeKey, path: string, json: boolean): Effect.Effect<void> => {
  const hex = Buffer.from(publicKey).toString("hex")
  return json
    ? printJson({ peer, publicKey: hex, file: path })
    : print(`peer id     ${peer}\npublic key  ${hex} (ed25519)\nfile        ${path}`)
}

/** Of the public part only. */
export const keyShow = Effect.fnUntraced(function*(flags: ConfigFlags & { readonly json: boolean }) {
  const path = keyPath(yield* dataDirOf(flags))
  const key = yield* loadKey(path).pipe(
    Effect.mapError((error) =>
      error.reason === "unreadable" && error.cause instanceof Error && "code" in error.cause &&
        error.cause.code === "ENOENT"
        ? new CliFailed({ message: `${path}: there is no key yet: it is made when the node first runs` })
        : error
    )
  )
  yield* showKey(key, path, flags.json)
})
