/**
 * A question that an adapter asks another before it closes a link: have the streams that I finished all arrived? A socket
 * that is closed drops or resets what the other end hasn't read, and libp2p doesn't tell when it has.
 */
import type { Connection, Stream, StreamMessageEvent } from "@libp2p/interface"

/** Carries the number of finished streams, four bytes, big-endian. Answered by one byte, whatever it is, or by an end. */
export const arrivalProtocol = "/chain-p2p/arrived/1"

const done = new Error("the question is answered")

/** Completes with the answer, or when there will be none. Never rejects. */
export const askArrival = async (connection: Connection, count: number, millis: number): Promise<void> => {
  const signal = AbortSignal.timeout(millis)
  try {
    const stream = await connection.newStream([arrivalProtocol], { signal })
    await new Promise<void>((resolve) => {
      for (const event of ["message", "end", "close"] as const) stream.addEventListener(event, () => resolve())
      signal.addEventListener("abort", () => resolve())
      const question = new Uint8Array(4)
      new DataView(question.buffer).setUint32(0, count)
      stream.send(question)
    })
    stream.abort(done)
  } catch {
    // A peer that doesn't know the question has answered all the same; of a link that is gone nothing is awaited.
  }
}

/** Calls `when` with the number, and what to call once so many streams have arrived. */
export const answerArrival = (stream: Stream, when: (count: number, answer: () => void) => void): void => {
  const question: Array<number> = []
  const onMessage = (event: StreamMessageEvent) => {
    question.push(...event.data.subarray())
    if (question.length < 4) return
    stream.removeEventListener("message", onMessage)
    when(new DataView(Uint8Array.from(question).buffer).getUint32(0), () => {
      try {
        stream.send(Uint8Array.of(1))
      } catch {
        // Nobody waits for it any more.
      }
    })
  }
  stream.addEventListener("message", onMessage)
}
