import { Effect, Layer, Stream } from "effect"
import { Control, type ControlEvent, Identity, PeerBook } from "../../signatures/index.ts"

/** Teaches the book what peers say of themselves on their links: where they listen, once proven, and which chains they serve. */
export const layerPeerUpdates: Layer.Layer<never, never, Control | Identity | PeerBook> = Layer.effectDiscard(
  Effect.gen(function*() {
    const control = yield* Control
    const identity = yield* Identity
    const book = yield* PeerBook

    const learnRecord = (event: Extract<ControlEvent, { readonly _tag: "Info" }>) =>
      identity.open(event.record).pipe(
        Effect.flatMap((record) =>
          record.peer === event.peer
            ? Effect.sync(() => book.learn(record, "info"))
            : Effect.logWarning("a peer sent the record of another one as its own").pipe(
              Effect.annotateLogs({ peer: event.peer, other: record.peer })
            )
        ),
        Effect.catchTag("RecordRejected", (error) =>
          Effect.logWarning(error.message).pipe(Effect.annotateLogs({ peer: event.peer })))
      )

    yield* control.events.pipe(
      Stream.runForEach((event) => {
        switch (event._tag) {
          case "Info":
            book.learnChains(event.peer, { set: event.chains })
            return learnRecord(event)
          case "Chains":
            book.learnChains(event.peer, { added: event.added, removed: event.removed })
            return Effect.void
          case "Goodbye":
            if (event.reason === "banned") book.record({ _tag: "BannedByPeer", peer: event.peer })
            return Effect.void
          case "Alternatives":
            return Effect.void
        }
      }),
      Effect.forkScoped({ startImmediately: true })
    )
  })
)
