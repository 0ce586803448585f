/** The flags that name a config file, or say what stands above it. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { resolve } from "node:path"
import type { ConfigInvalid } from "../../signatures/Config.ts"
import type { Override } from "../config/environment.ts"
import type { Loaded, LoadOptions } from "../config/load.ts"
import { configVariable } from "../config/variable.ts"
import { lazily } from "./flags.ts"
import { note } from "./output.ts"

const defaultConfigFile = "node.yaml"

export interface ConfigFlags {
  readonly config: Option.Option<string>
  readonly dataDir?: Option.Option<string>
  readonly listen?: ReadonlyArray<string>
  readonly bootstrap?: ReadonlyArray<string>
}

const overrides = ({ dataDir, listen = [], bootstrap = [] }: ConfigFlags): ReadonlyArray<Override> => [
  ...(dataDir !== undefined && Option.isSome(dataDir)
    // Relative to where the command runs, unlike the file's own.
    ? [{ path: ["dataDir"], value: resolve(dataDir.value), source: "flag --data-dir" }]
    : []),
  ...(listen.length > 0 ? [{ path: ["listen"], value: listen, source: "flag --listen" }] : []),
  ...(bootstrap.length > 0 ? [{ path: ["bootstrap"], value: bootstrap, source: "flag --bootstrap" }] : [])
]

export const configFileOf = (config: Option.Option<string>): string =>
  Option.getOrElse(config, () => process.env[configVariable] ?? defaultConfigFile)

export const load = (
  flags: ConfigFlags,
  checkSession: LoadOptions["checkSession"] = () => Effect.succeed([])
): Effect.Effect<Loaded, ConfigInvalid> =>
  // Not before it is needed: who names the data directory needs no file.
  lazily(
    () => import("../config/load.ts"),
    ({ loadConfig }) =>
      loadConfig({ file: configFileOf(flags.config), environment: process.env, flags: overrides(flags), checkSession })
  )

/** With --data-dir no config file is needed. */
export const dataDirOf = (flags: ConfigFlags): Effect.Effect<string, ConfigInvalid> =>
  flags.dataDir !== undefined && Option.isSome(flags.dataDir)
    ? Effect.succeed(resolve(flags.dataDir.value))
    : Effect.map(load(flags), ({ settings }) => settings.dataDir)

/** Says on stderr what is legal but unwise. */
export const warn = (loaded: Loaded): Effect.Effect<void> =>
  Effect.forEach(loaded.warnings, (warning) => note(`warning: ${warning}`), { discard: true })
