/** Textual IP addresses. `effect/net` has these too, but is not tagged stable, which this folder requires. */

/** As an unsigned 32-bit number; undefined if it is not four decimal octets without leading zeros. */
export const parseIpv4 = (text: string): number | undefined => {
  const match = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/.exec(text)
  if (match === null) return undefined
  const octets = match.slice(1).map(Number)
  return octets.some((octet) => octet > 255) ? undefined : octets.reduce((n, octet) => n * 256 + octet, 0)
}

const groupsOf = (text: string): ReadonlyArray<number> | undefined => {
  if (text === "") return []
  const groups: Array<number> = []
  const words = text.split(":")
  for (const [index, word] of words.entries()) {
    const ipv4 = index === words.length - 1 && word.includes(".") ? parseIpv4(word) : undefined
    if (ipv4 !== undefined) groups.push(ipv4 >>> 16, ipv4 & 0xffff)
    else if (/^[0-9a-fA-F]{1,4}$/.test(word)) groups.push(Number.parseInt(word, 16))
    else return undefined
  }
  return groups
}

/** As eight groups of 16 bits (RFC 4291, section 2.2); undefined if it is none, or has a zone. */
export const parseIpv6 = (text: string): ReadonlyArray<number> | undefined => {
  const [head = "", tail, ...more] = text.split("::")
  if (more.length > 0) return undefined
  const left = groupsOf(head)
  const right = tail === undefined ? [] : groupsOf(tail)
  if (left === undefined || right === undefined) return undefined
  if (tail !== undefined && head.includes(".")) return undefined
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  return [...left, ...Array.from({ length: missing }, () => 0), ...right]
}
