/** Disks over real files, each in a temporary folder that is gone when the test ends. */
import { Context, Effect, Layer, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeNetwork } from "../../inprocess/index.ts"
import { Disk, Identity, Transport } from "../../signatures/index.ts"
import { layerDisk } from "../../src/disk/index.ts"
import { type Backend } from "./Backend.ts"

export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "chain-p2p-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

export const fileDisk = (root: string): Effect.Effect<Context.Service.Shape<typeof Disk>, never, Scope.Scope> =>
  Effect.map(Layer.build(layerDisk({ root })), (services) => Context.get(services, Disk))

/** For the laws of disks: simulated hosts with real files. */
export const fileBackend: Backend = {
  name: "files",
  virtual: false,
  run: (test) => Effect.runPromise(Effect.scoped(test)),
  world: Effect.fnUntraced(function*(count) {
    const network = yield* makeNetwork()
    const hosts = yield* Effect.forEach(Array.from({ length: count }), () =>
      Effect.gen(function*() {
        const host = yield* network.host()
        const disk = yield* Effect.flatMap(temporaryFolder, fileDisk)
        const services = Context.make(Disk, disk).pipe(
          Context.add(Transport, Context.get(host.services, Transport)),
          Context.add(Identity, Context.get(host.services, Identity))
        )
        return { ...host, services }
      }))
    return { hosts, cut: network.cut }
  })
}
