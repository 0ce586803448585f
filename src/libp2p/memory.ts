/// <reference lib="es2024.arraybuffer" />

/**
 * Memory is given back at once where a transport knows that nobody can read it any more. It goes through several buffers per
 * message, and the collector comes for them only many megabytes later, with full collections that cost more than encryption.
 */

/** Buffers of less are cut out of larger ones, which others use too; and they are not worth the trouble. */
const smallest = Buffer.poolSize / 2

/** Whether the view is all that there is of the memory behind it. */
const isAlone = (bytes: Uint8Array): boolean =>
  bytes.byteLength >= smallest && bytes.byteLength === bytes.buffer.byteLength

const free = (buffer: ArrayBufferLike): void => {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** Of what was allocated for the caller alone. Every view on its memory becomes empty; a part of something is left alone. */
export const release = (bytes: Uint8Array): void => {
  if (isAlone(bytes)) free(bytes.buffer)
}

/** Memory into which a socket read: it is read in order, once. */
const reads = new WeakSet<ArrayBufferLike>()

export const noteRead = (chunk: Uint8Array): void => {
  if (isAlone(chunk)) reads.add(chunk.buffer)
}

/** Of a part of what a socket read, by who has read all before it too: the last part takes the memory along. */
export const releaseRead = ({ buffer, byteLength, byteOffset }: Uint8Array): void => {
  if (byteOffset + byteLength === buffer.byteLength && reads.delete(buffer)) free(buffer)
}
