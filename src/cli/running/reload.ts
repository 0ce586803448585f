/** The config file once more, for a node that runs: what has changed in it is applied, as far as that can be. */
import { Context, Effect } from "effect"
import { addressFacts, type ConfigInvalid, PeerBook, renderMistake } from "../../../signatures/index.ts"
import { type ChainSettings, type Changes, changesOf, type Loaded, type NodeSettings } from "../../config/index.ts"
import type { RunningNode } from "./node.ts"

const nameOf = ({ node }: ChainSettings): string => node.chain.name

/** A chain that can't be had now doesn't stand in the way of the others. */
const tell = <E extends { readonly message: string }>(
  done: string,
  change: Effect.Effect<unknown, E>
): Effect.Effect<void> =>
  change.pipe(
    Effect.andThen(Effect.logInfo(`config: ${done}`)),
    Effect.catch(({ message }) => Effect.logError(`config: ${message}; the next reload tries again`))
  )

const apply = Effect.fnUntraced(function*({ chains, services }: RunningNode, changes: Changes) {
  const { added, adopted, bootstrap, changed, later, removed } = changes
  // One that is gone already, by a command, is as gone as the file wants it.
  const remove = (name: string) => Effect.ignore(chains.remove(name))
  yield* Effect.forEach(
    [
      ...removed.map((name) => tell(`chain ${name} is removed`, remove(name))),
      ...changed.map(({ settings }) => remove(nameOf(settings))),
      // One that is on its way out, by a command, is to be gone before it comes back.
      ...added.map((settings) => remove(nameOf(settings)))
    ],
    (removal) => removal,
    { concurrency: "unbounded" }
  )
  for (const { keys, settings } of changed) {
    const why = `chain ${nameOf(settings)} was started anew: ${keys.join(", ")} changed`
    yield* tell(why, chains.add([{ settings, byHand: false }]))
  }
  for (const settings of added) {
    yield* tell(`chain ${nameOf(settings)} is added`, chains.add([{ settings, byHand: false }]))
  }
  yield* Effect.forEach(adopted, (settings) => chains.adopt({ settings, byHand: false }))
  const book = Context.get(services, PeerBook)
  for (const address of bootstrap) {
    const { peer } = addressFacts(address)
    if (peer._tag === "Some") book.learn({ peer: peer.value, sequence: 0n, addresses: [address] }, "bootstrap")
  }
  if (bootstrap.length > 0) yield* Effect.logInfo(`config: ${bootstrap.length} more in bootstrap`)
  yield* Effect.forEach(later, (line) => Effect.logWarning(line))
})

const isNothing = ({ added, adopted, bootstrap, changed, removed }: Changes): boolean =>
  [added, adopted, bootstrap, changed, removed].every((list) => list.length === 0)

const refuse = ({ mistakes }: ConfigInvalid): Effect.Effect<void> =>
  Effect.andThen(
    Effect.logError(`config: nothing is changed, because of ${mistakes.length === 1 ? "a mistake" : "mistakes"} in it`),
    Effect.forEach(mistakes, (mistake) => Effect.logError(renderMistake(mistake)), { discard: true })
  )

/**
 * Reads the file by `load` and makes the node run what it says. `before` is what the node runs by; gives that of from now on.
 * A file with mistakes changes nothing; they are logged as `config check` prints them.
 */
export const reload = (
  node: RunningNode,
  before: NodeSettings,
  load: Effect.Effect<Loaded, ConfigInvalid>,
  isWanted: (name: string) => boolean
): Effect.Effect<NodeSettings> =>
  node.chains.inTurn(Effect.gen(function*() {
    const loaded = yield* load
    yield* Effect.forEach(loaded.warnings, (warning) => Effect.logWarning(warning))
    const running = (yield* node.chains.list).filter(({ isLeaving }) => !isLeaving)
    const changes = changesOf(before, running, loaded, isWanted)
    if (isNothing(changes)) yield* Effect.logInfo("config: read again, nothing to change")
    yield* apply(node, changes)
    return { ...before, bootstrap: [...before.bootstrap, ...changes.bootstrap] }
  })).pipe(Effect.catch((invalid) => Effect.as(refuse(invalid), before)))
