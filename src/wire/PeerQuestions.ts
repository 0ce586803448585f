import { Deferred, Effect, Option } from "effect"
import type { ControlMessage } from "./controlMessages.ts"
import { takeTokens, type TokenBucket, type TokenRate } from "./TokenBucket.ts"

/** An older peer ignores the question: it never answers. */
const answerMillis = 10_000

/** Questions that are answered; the others are not heard. Who asks again waits longer than that. */
const answered: TokenRate = { burst: 8, perSecond: 1 }

/** The control stream, as far as questions need it. */
export interface QuestionsHost {
  now(): number
  /** Whether there was room. */
  say(message: ControlMessage): boolean
  /** What the peer is told. */
  introduce(): ReadonlyArray<Uint8Array>
}

type Answer = Option.Option<ReadonlyArray<Uint8Array>>

/** Who knows whom: our question to the peer, of which one is in flight at most, and the peer's to us. */
export class PeerQuestions {
  private readonly host: QuestionsHost
  /** The id of our last question. */
  private asked = 0
  private awaited: Deferred.Deferred<Answer> | undefined
  private heardTokens: TokenBucket | undefined
  /** The id of a question that there was no room to answer. Of several the last one is answered. */
  private owed: number | undefined

  constructor(host: QuestionsHost) {
    this.host = host
  }

  readonly ask: Effect.Effect<Answer> = Effect.suspend(() => {
    if (this.awaited !== undefined || !this.host.say({ type: "get-peers", id: this.asked + 1 })) {
      return Effect.succeedNone
    }
    this.asked++
    const awaited = this.awaited = Deferred.makeUnsafe<Answer>()
    return Deferred.await(awaited).pipe(
      Effect.timeoutOrElse({ duration: answerMillis, orElse: () => Effect.succeedNone }),
      Effect.ensuring(Effect.sync(() => {
        if (this.awaited === awaited) this.awaited = undefined
      }))
    )
  })

  /** False: there was no such question. One that comes too late is fine. */
  onAnswer(id: number, records: ReadonlyArray<Uint8Array>): boolean {
    if (id > this.asked) return false
    if (id === this.asked) this.settle(Option.some(records))
    return true
  }

  onQuestion(id: number): void {
    const tokens = takeTokens(this.heardTokens, answered, this.host.now(), 1)
    if (tokens === undefined) return
    this.heardTokens = tokens
    this.answer(id)
  }

  room(): void {
    if (this.owed !== undefined) this.answer(this.owed)
  }

  /** Nothing more will be heard. */
  ended(): void {
    this.settle(Option.none())
  }

  private answer(id: number): void {
    this.owed = this.host.say({ type: "peers", id, records: this.host.introduce() }) ? undefined : id
  }

  private settle(answer: Answer): void {
    const awaited = this.awaited
    this.awaited = undefined
    if (awaited !== undefined) Deferred.doneUnsafe(awaited, Effect.succeed(answer))
  }
}
