/** One way to move messages between two ends in this process. */
export interface Contender {
  readonly name: string
  /** Sends `count` messages of `size` bytes as fast as the way allows; resolves once the other end has all of them. */
  readonly stream: (size: number, count: number) => Promise<void>
  /** One message there and back, `count` times, one at a time; the round trips in microseconds. */
  readonly pingPong: (size: number, count: number) => Promise<ReadonlyArray<number>>
  readonly close: () => Promise<void>
}

/** A raw duplex as benchmarks see it: `send` answers false when it wants to be waited for. */
export interface Pipe {
  readonly send: (bytes: Uint8Array) => boolean
  readonly drained: () => Promise<void>
  onBytes: (length: number) => void
}

/** A contender of two ends that carry bytes without framing: a message has arrived when its bytes have. */
export const overPipes = (name: string, near: Pipe, far: Pipe, close: () => Promise<void>): Contender => {
  const awaitBytes = (pipe: Pipe, wanted: number) => {
    let left = wanted
    return new Promise<void>((resolve) => {
      pipe.onBytes = (length) => {
        left -= length
        if (left <= 0) resolve()
      }
    })
  }
  return {
    name,
    close,
    stream: async (size, count) => {
      const arrived = awaitBytes(far, size * count)
      const message = new Uint8Array(size).fill(7)
      for (let i = 0; i < count; i++) if (!near.send(message)) await near.drained()
      await arrived
    },
    pingPong: async (size, count) => {
      const message = new Uint8Array(size).fill(7)
      const trips: Array<number> = []
      let left = size
      far.onBytes = (length) => {
        left -= length
        if (left > 0) return
        left = size
        far.send(message)
      }
      for (let i = 0; i < count; i++) {
        const back = awaitBytes(near, size)
        const started = process.hrtime.bigint()
        near.send(message)
        await back
        trips.push(Number(process.hrtime.bigint() - started) / 1000)
      }
      return trips
    }
  }
}
