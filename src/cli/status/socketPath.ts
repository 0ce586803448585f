import { join, relative } from "node:path"

/** What fits into a socket's address on Linux; macOS allows 4 less. */
const longest = process.platform === "darwin" ? 103 : 107

/** The shorter of the absolute and the relative path; none if neither fits. */
export const socketPath = (dataDir: string): string | undefined => {
  const absolute = join(dataDir, "node.sock")
  return [absolute, relative(process.cwd(), absolute)].find((path) => Buffer.byteLength(path) <= longest)
}
