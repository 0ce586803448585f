import { decode, encode, Tokenizer, Type } from "cborg"
import { Option } from "effect"

const maxDepth = 8

const options = {
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  strict: true,
  rejectDuplicateMapKeys: true
} as const

/** Refuses what is nested too deep, and arrays and maps that declare more items than there are bytes left. */
class StrictTokenizer extends Tokenizer {
  /** Items still to come, of each open array or map. */
  private readonly open: Array<number> = []

  override next() {
    const token = super.next()
    const last = this.open.length - 1
    if (last >= 0) this.open[last] = (this.open[last] ?? 0) - 1
    const items = Type.equals(token.type, Type.array) ? 1 : Type.equals(token.type, Type.map) ? 2 : 0
    if (items > 0) {
      const declared = Number(token.value) * items
      if (declared > this.data.length - this.pos()) throw new RangeError("more items declared than bytes left")
      if (this.open.push(declared) > maxDepth) throw new RangeError("nested too deep")
    }
    while (this.open.at(-1) === 0) this.open.pop()
    return token
  }
}

/**
 * Strict: no indefinite lengths, only the shortest form of a number, no repeated keys, no tags, at most 8 levels, nothing
 * after the value. None for anything else; never throws. What the value is, a schema must say.
 */
export const decodeCbor: (bytes: Uint8Array) => Option.Option<unknown> = Option.liftThrowable((bytes: Uint8Array) =>
  decode(bytes, { ...options, tokenizer: new StrictTokenizer(bytes, options) })
)

/**
 * Deterministic: the same value gives the same bytes. A plain array: on Node cborg gives a Buffer for what is longer, whose
 * slices are Buffers too, and views.
 */
export const encodeCbor = (value: unknown): Uint8Array => new Uint8Array(encode(value))
