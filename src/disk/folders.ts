import { mkdir, open } from "node:fs/promises"
import { dirname } from "node:path"

/** Makes an entry of a folder (a new file, a new name) survive a power failure. Windows has no such call, and no need. */
export const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === "win32") return
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a folder and those above it, and each of them survive. */
export const makeFolder = async (folder: string): Promise<void> => {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  const above: Array<string> = []
  for (let made = folder; made !== dirname(first); made = dirname(made)) above.push(dirname(made))
  await Promise.all(above.map(syncFolder))
}
