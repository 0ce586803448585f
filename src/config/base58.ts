const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

/** The alphabet of Bitcoin; leading zero bytes become leading ones. */
export const base58 = (bytes: Uint8Array): string => {
  let number = 0n
  for (const byte of bytes) number = number * 256n + BigInt(byte)
  let text = ""
  for (; number > 0n; number /= 58n) text = (alphabet[Number(number % 58n)] ?? "") + text
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return "1".repeat(zeros === -1 ? bytes.length : zeros) + text
}
