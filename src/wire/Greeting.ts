import { Option } from "effect"
import { abortFrame, FrameType, maxHelloBytes } from "./frames.ts"
import type { FrameHandler, FrameStream } from "./FrameStream.ts"
import { decodeHello, type HelloBody } from "./openingFrames.ts"

/** What is done about a hello. Both are told at most once, and `gone` after either or alone. */
export interface GreetingHost {
  /** The handler that takes over, if the session was accepted; else the stream was finished. */
  hello(stream: FrameStream, body: HelloBody): FrameHandler | undefined
  violated(stream: FrameStream): void
  gone(): void
}

/** The acceptor's end of a stream, until the hello. */
export class Greeting implements FrameHandler {
  private readonly stream: FrameStream
  private readonly host: GreetingHost

  constructor(stream: FrameStream, host: GreetingHost) {
    this.stream = stream
    this.host = host
  }

  /** No hello came in time. */
  timeout(): FrameStream {
    this.stream.stop()
    this.stream.outbox.finishNow(abortFrame("timeout"))
    return this.stream
  }

  begin(type: number, length: number): boolean {
    return type === FrameType.hello && length <= maxHelloBytes
  }

  frame(_: number, body: Uint8Array): void {
    const hello = Option.getOrUndefined(decodeHello(body))
    if (hello === undefined) return this.stream.violate()
    const handler = this.host.hello(this.stream, hello)
    if (handler === undefined) this.stream.stop()
    else this.stream.become(handler)
  }

  violated(): void {
    this.stream.outbox.finishNow(abortFrame("protocol-violation"))
    this.host.violated(this.stream)
  }

  gone(): void {
    this.host.gone()
  }

  settle(): void {}

  room(): void {}
}
