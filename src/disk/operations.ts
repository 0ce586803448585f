/** The operations of a disk on absolute paths, as promises. Whoever calls them keeps those of one path apart. */
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { makeFolder, syncFolder } from "./folders.ts"

const withHandle = async <A>(
  path: string,
  flags: string,
  use: (handle: FileHandle) => Promise<A>,
  mode?: number
): Promise<A> => {
  const handle = await open(path, flags, mode)
  try {
    return await use(handle)
  } finally {
    await handle.close()
  }
}

const isMissing = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/** Undefined if there is no such file. */
const find = async (path: string) => {
  try {
    return await stat(path)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

export const size = async (path: string): Promise<number | undefined> => (await find(path))?.size

/** Reads on where one call gave less than asked for; gives how much there was. */
const fill = async (handle: FileHandle, bytes: Uint8Array, from: number, filled = 0): Promise<number> => {
  if (filled === bytes.length) return filled
  const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, from + filled)
  return bytesRead === 0 ? filled : fill(handle, bytes, from, filled + bytesRead)
}

export const read = (path: string, from: number, to: number): Promise<Uint8Array> =>
  withHandle(path, "r", async (handle) => {
    const end = Math.min(to, (await handle.stat()).size)
    const bytes = new Uint8Array(Math.max(0, end - from))
    return bytes.subarray(0, await fill(handle, bytes, from))
  })

/** Whole or, as far as the system lets us, not at all: a disk that ran full is left as it was. */
export const append = async (path: string, bytes: Uint8Array): Promise<void> => {
  await makeFolder(dirname(path))
  await withHandle(path, "a", async (handle) => {
    const before = (await handle.stat()).size
    try {
      await handle.appendFile(bytes)
    } catch (cause) {
      await handle.truncate(before).catch(() => undefined)
      throw cause
    }
  })
}

/** The contents, and that there is such a file. */
export const sync = async (path: string): Promise<void> => {
  await withHandle(path, "r+", (handle) => handle.sync())
  await syncFolder(dirname(path))
}

export const truncate = (path: string, wanted: number): Promise<void> =>
  withHandle(path, "r+", async (handle) => {
    if (wanted < (await handle.stat()).size) await handle.truncate(wanted)
  })

/**
 * Beside the file, then over it: after a crash there is the old file or the new one, and perhaps a temporary one, which the
 * next replacement writes over. A file that others were kept from stays so.
 */
export const replace = async (path: string, bytes: Uint8Array): Promise<void> => {
  const folder = dirname(path)
  await makeFolder(folder)
  const temporary = join(folder, `.${basename(path)}.tmp`)
  await rm(temporary, { force: true })
  const mode = (await find(path))?.mode
  try {
    await withHandle(temporary, "wx", async (handle) => {
      await handle.writeFile(bytes)
      await handle.sync()
    }, mode)
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw cause
  }
  await syncFolder(folder)
}

/** The first name for a damaged file that is not taken. */
const nameAside = async (path: string, count = 1): Promise<string> => {
  const aside = `${path}.damaged-${count}`
  return await find(aside) === undefined ? aside : nameAside(path, count + 1)
}

export const setAside = async (path: string): Promise<string> => {
  const aside = await nameAside(path)
  await rename(path, aside)
  await syncFolder(dirname(path))
  return aside
}
