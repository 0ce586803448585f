/** Header sync as a config file names it. */
import { Effect, Schema } from "effect"
import type { SessionModule } from "../../../signatures/index.ts"
import { HeaderParamsInvalid } from "./errors.ts"
import { headerSync } from "./headerSync.ts"
import { genesisHash, HeaderParams, knownParams } from "./params.ts"

export const HeaderSyncModuleOptions = Schema.Struct({
  headers: Schema.NonEmptyString.annotate({
    description: "Path of the header file. Made where it is missing; \"<path>.journal\" is kept beside it."
  }),
  params: Schema.optionalKey(
    HeaderParams.annotate({
      description: "The chain's rules. Known by themselves for Bitcoin's main and test networks."
    })
  )
})

export const headerSyncModule: SessionModule<typeof HeaderSyncModuleOptions.Type> = {
  name: "header-sync",
  options: HeaderSyncModuleOptions,
  make: Effect.fnUntraced(function*(chain, options, place) {
    const { genesis } = chain
    const params = options.params ?? knownParams(genesis)
    if (params === undefined) return yield* new HeaderParamsInvalid({ genesis, reason: "unknown-genesis" })
    if (genesisHash(params) !== genesis.toLowerCase()) {
      return yield* new HeaderParamsInvalid({ genesis, reason: "other-genesis" })
    }
    const headers = yield* headerSync({ path: place.resolve(options.headers), params })
    return {
      session: headers.session,
      status: Effect.map(headers.progress, ({ best, clockBehind, downloading, saveFailure, saved, tip }) => ({
        height: tip.height,
        tip: tip.hash,
        best,
        saved,
        downloading,
        ...(clockBehind > 0 ? { clockBehind } : {}),
        ...(saveFailure === undefined ? {} : { saveFailure: saveFailure.message })
      })),
      progress: Effect.map(headers.progress, ({ best, tip }) => ({ done: tip.height, total: best }))
    }
  })
}
