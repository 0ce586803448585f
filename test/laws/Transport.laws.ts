/** The laws of a transport, as written in `signatures/README.md`, for any backend. Tests wait for events only. */
import { describe } from "@effect/vitest"
import { type Backend } from "../support/Backend.ts"
import { byteLaws } from "./Transport.bytes.ts"
import { diallingLaws } from "./Transport.dialling.ts"
import { linkLaws } from "./Transport.links.ts"
import { streamProperties } from "./Transport.properties.ts"
import { streamLaws } from "./Transport.streams.ts"

export const transportLaws = (backend: Backend): void => {
  describe(`transport: ${backend.name}`, () => {
    diallingLaws(backend)
    byteLaws(backend)
    streamLaws(backend)
    linkLaws(backend)
    if (backend.virtual) streamProperties(backend)
  })
}
