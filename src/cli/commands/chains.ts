/** `chains add` and `chains remove`: changes of a node that runs. They are gone with it, unless its config file has them too. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readFileSync } from "node:fs"
import { parse, stringify } from "yaml"
import { type ConfigFlags, dataDirOf } from "../configFlags.ts"
import { CliFailed } from "../failure.ts"
import { note, print, printJson } from "../output.ts"
import { askNode } from "../status/client.ts"
import type { QuestionOf } from "../status/protocol.ts"

export interface AddFlags extends ConfigFlags {
  readonly name: Option.Option<string>
  readonly file: Option.Option<string>
  readonly genesis: Option.Option<string>
  readonly session: Option.Option<string>
  /** `KEY=VALUE`, of the session's options. */
  readonly option: ReadonlyArray<string>
  /** `KEY=VALUE`, of the chain's other keys. */
  readonly set: ReadonlyArray<string>
  readonly json: boolean
}

type FlagValue = QuestionOf<"add-chains">["flags"][number]

/** The value as a config file would have it. */
const pair = (text: string, flag: string, path: ReadonlyArray<string>): Effect.Effect<FlagValue, CliFailed> =>
  Effect.try({
    try: () => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
      if (key === undefined || value === undefined) throw new Error(`expected KEY=VALUE, got ${JSON.stringify(text)}`)
      return { path: ["chains", 0, ...path, key], value: parse(value), source: `flag ${flag} ${key}` }
    },
    catch: (cause) =>
      new CliFailed({ message: `flag ${flag}: ${cause instanceof Error ? cause.message : String(cause)}` })
  })

const ofFlags = Effect.fnUntraced(function*(flags: AddFlags): Effect.fn.Return<QuestionOf<"add-chains">, CliFailed> {
  const given = [
    ["name", "argument NAME", flags.name],
    ["genesis", "flag --genesis", flags.genesis],
    ["session", "flag --session", Option.orElseSome(flags.session, () => "header-sync")]
  ] as const
  if (Option.isNone(flags.name) || Option.isNone(flags.genesis)) {
    return yield* new CliFailed({
      message:
        "which chain? Give its name with --genesis, --session and --option, or --file with what a config file says"
    })
  }
  const options = yield* Effect.forEach(flags.option, (text) => pair(text, "--option", ["options"]))
  const others = yield* Effect.forEach(flags.set, (text) => pair(text, "--set", []))
  return {
    ask: "add-chains",
    source: "command line",
    text: "chains: [{}]",
    flags: [
      ...given.flatMap(([key, source, value]) =>
        Option.toArray(Option.map(value, (value) => ({ path: ["chains", 0, key], value, source })))
      ),
      ...options,
      ...others
    ]
  }
})

const ofFile = (flags: AddFlags, file: string): Effect.Effect<QuestionOf<"add-chains">, CliFailed> =>
  [flags.name, flags.genesis, flags.session].some(Option.isSome) || flags.option.length + flags.set.length > 0
    ? Effect.fail(
      new CliFailed({ message: "flag --file: the file says it all; leave out the name and the other flags" })
    )
    : Effect.try({
      try: (): QuestionOf<"add-chains"> => ({
        ask: "add-chains",
        source: file,
        text: readFileSync(file, "utf8"),
        flags: []
      }),
      catch: (cause) =>
        new CliFailed({ message: `${file}: can't be read (${cause instanceof Error ? cause.message : String(cause)})` })
    })

export const add = Effect.fnUntraced(function*(flags: AddFlags) {
  const question = yield* Option.match(flags.file, {
    onNone: () => ofFlags(flags),
    onSome: (file) => ofFile(flags, file)
  })
  const answer = yield* askNode(yield* dataDirOf(flags), question)
  yield* Effect.forEach(answer.warnings, (warning) => note(`warning: ${warning}`))
  if (flags.json) return yield* printJson(answer)
  yield* note(
    `${answer.added.join(", ")} ${answer.added.length === 1 ? "runs" : "run"} now, until the node stops.` +
      (answer.configFile === null ? "" : ` To keep it, put this under chains: in ${answer.configFile}`)
  )
  yield* print(stringify(answer.written, { lineWidth: 0 }).trimEnd())
})

export const remove = Effect.fnUntraced(
  function*({ json, name, ...flags }: ConfigFlags & { readonly name: string; readonly json: boolean }) {
    const answer = yield* askNode(yield* dataDirOf(flags), { ask: "remove-chain", name })
    if (json) return yield* printJson(answer)
    yield* note(
      `${name} is removed: its sessions have ended, the links stay for the other chains.` +
        (answer.configFile === null
          ? ""
          : ` It is still in ${answer.configFile}: a restart or a reload (SIGHUP) brings it back`)
    )
  }
)
