/** What several commands have in common. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"

/** Loads what a command does when it is run. */
export const lazily = <M, A, E, R>(
  load: () => Promise<M>,
  use: (module: M) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => Effect.flatMap(Effect.promise(load), use)

export const config = Flag.String("config").pipe(
  Flag.withAlias("c"),
  Flag.withMetavar("FILE"),
  Flag.withDescription("Config file: YAML, JSON or TOML. Default: $CHAIN_P2P_CONFIG, then ./node.yaml"),
  Flag.optional
)
export const dataDir = Flag.String("data-dir").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("Data directory, instead of the file's dataDir"),
  Flag.optional
)
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON on stdout, and nothing else there"),
  Flag.withDefault(false)
)
export const many = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.atLeast(0))
