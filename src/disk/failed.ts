import { DiskFailed } from "../../signatures/index.ts"

const reasons: Readonly<Record<string, DiskFailed["reason"]>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  ENOENT: "missing",
  ENOTDIR: "missing"
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** What the system reported, as one of the contract's reasons. */
export const failed = (path: string, cause: unknown): DiskFailed =>
  new DiskFailed({ path, reason: reasons[codeOf(cause)] ?? "io", cause })
