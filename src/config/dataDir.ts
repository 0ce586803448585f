/** One process per data directory: a lock that the next process can tell to be stale, however its holder died. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DataDirRejected } from "../../signatures/Config.ts"
import { makePrivateFolder } from "./keyFile.ts"

export const lockPath = (dataDir: string): string => join(dataDir, "node.lock")

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

/** When a process started, where the system tells; nothing of one that has ended but was not waited for. A process id alone may have been given to another since. */
const startOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name of the command, in brackets, may hold blanks; then comes the state, and the start as the 20th field.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return fields[0] === "Z" ? "" : fields[19] ?? ""
  } catch {
    return ""
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return codeOf(cause) === "EPERM"
  }
}

const holderOf = (lock: string): number | undefined => {
  const [pid = "", start = ""] = lock.trim().split(" ")
  const holder = Number(pid)
  return /^\d+$/.test(pid) && isAlive(holder) && startOf(holder) === start ? holder : undefined
}

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  }
}

/** Taken, or the process that holds it. Appears with its contents at once, so nobody ever reads half a lock. */
const take = (path: string): { readonly holder: number | undefined } => {
  const own = `${path}.${process.pid}`
  writeFileSync(own, `${process.pid} ${startOf(process.pid)}\n`, { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        linkSync(own, path)
        return { holder: undefined }
      } catch (cause) {
        if (codeOf(cause) !== "EEXIST") throw cause
      }
      const found = readIfThere(path)
      if (found === undefined) continue
      const holder = holderOf(found)
      if (holder !== undefined) return { holder }
      moveAway(path, found)
    }
    return { holder: holderOf(readIfThere(path) ?? "") }
  } finally {
    unlinkSync(own)
  }
}

/** Two processes may both find a stale lock: the second must not move away what the first has put in its place. */
const moveAway = (path: string, stale: string): void => {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
    if (readFileSync(aside, "utf8") !== stale) linkSync(aside, path)
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT" && codeOf(cause) !== "EEXIST") throw cause
  }
  try {
    unlinkSync(aside)
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause
  }
}

/** Holds the data directory, made 0700 where it is missing, until the scope closes. */
export const lockDataDir = (dataDir: string): Effect.Effect<void, DataDirRejected, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        makePrivateFolder(dataDir)
        return take(lockPath(dataDir))
      },
      catch: (cause) => new DataDirRejected({ path: dataDir, reason: "unwritable", cause })
    }).pipe(
      Effect.flatMap(({ holder }) =>
        holder === undefined
          ? Effect.void
          : Effect.fail(new DataDirRejected({ path: dataDir, reason: "in-use", pid: holder }))
      )
    ),
    () => Effect.sync(() => unlinkSync(lockPath(dataDir)))
  )
