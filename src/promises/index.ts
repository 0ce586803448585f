/** Sessions for users who write async functions. See README.md. */
export {
  type AsyncConnection,
  type AsyncSession,
  type AsyncSessionError,
  AsyncSessionFailed,
  fromAsync
} from "./fromAsync.ts"
