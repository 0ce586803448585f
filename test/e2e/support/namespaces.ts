/** Hosts of their own on one machine: network namespaces, joined by a bridge that has one too. Linux, as root. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"

/** Of iproute2. */
const program = "ip"

/** What it has to say against it; empty if nothing. */
const ip = (...args: ReadonlyArray<string>): string => {
  const { error, status, stderr } = spawnSync(program, args, { encoding: "utf8" })
  return error !== undefined
    ? `ip: ${error.message}`
    : status === 0
    ? ""
    : stderr.trim() || `ip ${args.join(" ")} failed`
}

const must = (...args: ReadonlyArray<string>): void => {
  const problem = ip(...args)
  if (problem !== "") throw new Error(`ip ${args.join(" ")}: ${problem}`)
}

/** Why this machine can't have them; undefined if it can. Tries, and leaves nothing behind. */
export const whyNoNamespaces = (): string | undefined => {
  const name = `p2p-try-${process.pid}`
  try {
    const problem = ip("netns", "add", name) ||
      ip("-n", name, "link", "add", "name", "br0", "type", "bridge") ||
      ip("-n", name, "link", "add", "name", "near", "type", "veth", "peer", "name", "far")
    return problem === "" ? undefined : problem
  } finally {
    ip("netns", "del", name)
  }
}

export interface NamespacedHost {
  readonly namespace: string
  readonly address: string
  /** Pulls its cable out of the bridge, or puts it back. */
  readonly plug: (isIn: boolean) => void
}

/** Hosts that can all reach each other. Gone with the scope. */
export const namespacedHosts = (count: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const prefix = `p2p-${process.pid}`
      const bridge = `${prefix}-br`
      const made = [bridge]
      try {
        must("netns", "add", bridge)
        must("-n", bridge, "link", "add", "name", "br0", "type", "bridge")
        must("-n", bridge, "link", "set", "br0", "up")
        const hosts = Array.from({ length: count }, (_, index): NamespacedHost => {
          const [namespace, port, address] = [`${prefix}-${index}`, `port${index}`, `10.77.0.${index + 1}`]
          must("netns", "add", namespace)
          made.push(namespace)
          must("-n", bridge, "link", "add", "name", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
          must("-n", bridge, "link", "set", port, "master", "br0", "up")
          must("-n", namespace, "address", "add", `${address}/24`, "dev", "eth0")
          must("-n", namespace, "link", "set", "eth0", "up")
          must("-n", namespace, "link", "set", "lo", "up")
          return { namespace, address, plug: (isIn) => must("-n", bridge, "link", "set", port, isIn ? "up" : "down") }
        })
        return { hosts, made }
      } catch (cause) {
        for (const name of made) ip("netns", "del", name)
        throw cause
      }
    }),
    ({ made }) =>
      Effect.sync(() => {
        for (const name of made) ip("netns", "del", name)
      })
  ).pipe(Effect.map(({ hosts }) => hosts))
