/** The laws of a connection, as written in `signatures/README.md`, for any backend. Tests wait for events only. */
import { describe } from "@effect/vitest"
import { type Backend } from "../support/Backend.ts"
import { endLaws } from "./P2pConnection.ends.ts"
import { messageLaws } from "./P2pConnection.messages.ts"
import { waitingLaws } from "./P2pConnection.waiting.ts"

export const connectionLaws = (backend: Backend): void => {
  describe(`connection: ${backend.name}`, () => {
    messageLaws(backend)
    endLaws(backend)
    waitingLaws(backend)
  })
}
