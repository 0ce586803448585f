/**
 * The only source of what a config file may say: it checks the file, makes the JSON Schema, the annotated defaults and the
 * names of the environment, and documents each key. Values are as a user writes them: texts with units.
 *
 * Every leaf says what is `expected` of it, and has a `description`; the ones with a `default` may be left out. A default
 * that follows from `sessionCount` is said in `timesSessionCount`.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Address, addressFacts } from "../../signatures/Address.ts"
import { Chain } from "../../signatures/Chain.ts"
import { maxMessageBytesLimit, nodeDefaults } from "../../signatures/NodeConfig.ts"
import { durationPattern, formatSize, parseDuration, parseSize, sizePattern } from "./units.ts"

/** The pattern comes last, because it alone is known to JSON Schema and so carries what is documented. */
const filtered = (expected: string, pattern: RegExp, accepts: (text: string) => boolean) =>
  Schema.String.check(
    Schema.makeFilter(accepts, { expected }),
    Schema.isPattern(pattern, { expected })
  )

const integer = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum })).annotate({
    expected: `an integer from ${minimum} to ${maximum}`
  })

const duration = (accepts: (duration: Duration.Duration) => boolean, bounds: string) =>
  filtered(
    `a duration with its unit ${bounds}, such as "30 seconds" or "4 minutes"`,
    durationPattern,
    (text) => Option.exists(parseDuration(text), accepts)
  )
const finite = (text: Duration.Input, upTo: Duration.Input) =>
  duration(
    (value) =>
      Duration.between(value, { minimum: Duration.fromInputUnsafe(text), maximum: Duration.fromInputUnsafe(upTo) }),
    `from ${String(text)} to ${String(upTo)}`
  )

const size = (minimum: number, maximum: number, most: string) =>
  filtered(
    `a size with its unit from ${formatSize(minimum)} to ${most}, such as "64 KiB" or "2 MiB"`,
    sizePattern,
    (text) => Option.exists(parseSize(text), (bytes) => bytes >= minimum && bytes <= maximum)
  )

const listenAddress = filtered(
  "a multiaddr to listen on, such as /ip4/0.0.0.0/tcp/7400 or /ip4/0.0.0.0/udp/7400/quic-v1",
  /^\/.+/,
  (text) => Schema.is(Address)(text) && Option.isNone(addressFacts(text).peer)
)
const peerAddress = filtered(
  "a multiaddr that names its peer, such as /ip4/192.0.2.1/tcp/7400/p2p/12D3KooW…",
  /^\/.+\/p2p\/[1-9A-HJ-NP-Za-km-z]+$/,
  (text) => Schema.is(Address)(text) && Option.isSome(addressFacts(text).peer)
)

const ChainEntry = Schema.Struct({
  name: Chain.fields.name.annotate({
    expected: "a chain name: 1 to 64 letters, digits, dots, dashes or underscores",
    description: "A short name. Peers meet on a chain by network, name and genesis together.",
    examples: ["bitcoin"]
  }),
  genesis: Chain.fields.genesis.annotate({
    expected: "a text of 1 to 128 characters",
    description: "What identifies the first block, as displayed: usually its hash.",
    examples: ["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"]
  }),
  session: Schema.NonEmptyString.annotate({
    expected: "the name of a ready-made session (header-sync), or a path to a module that exports one",
    description: "What runs on each connection: header-sync, or a path to a module whose default export is a session.",
    examples: ["header-sync"]
  }),
  options: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Unknown).annotate({
      expected: "the session's options, as keys and values",
      description: "The session's own options, checked by the session's own schema."
    })
  ),
  sessionCount: Schema.optionalKey(
    integer(1, 64).annotate({
      description: "Outbound sessions that the node tries to hold, with peers of its own choice.",
      default: nodeDefaults.sessionCount
    })
  ),
  maxInboundCount: Schema.optionalKey(
    integer(0, 4096).annotate({
      description: "Sessions that others may open.",
      timesSessionCount: 2
    })
  ),
  maxSessionCount: Schema.optionalKey(
    integer(1, 4096).annotate({
      description: "All sessions.",
      timesSessionCount: 3
    })
  ),
  newcomerSlots: Schema.optionalKey(
    integer(0, 64).annotate({
      description: "Inbound slots kept for peers never seen before. Fewer than maxInboundCount.",
      default: nodeDefaults.newcomerSlots
    })
  ),
  sessionTimeout: Schema.optionalKey(
    duration((value) => Duration.isGreaterThanOrEqualTo(value, Duration.seconds(1)), "from 1 second, or \"infinity\"")
      .annotate({
        description:
          "Lifetime of a session before it is rotated out, jittered by a quarter; infinity turns rotation off.",
        default: nodeDefaults.sessionTimeout
      })
  ),
  maxMessageBytes: Schema.optionalKey(
    size(1024, maxMessageBytesLimit, "just under 16 MiB").annotate({
      description: "The longest message. The smaller of both ends' holds.",
      default: formatSize(nodeDefaults.maxMessageBytes)
    })
  ),
  minMessageBytes: Schema.optionalKey(
    size(0, maxMessageBytesLimit, "just under 16 MiB").annotate({
      description: "A peer whose maxMessageBytes is below it is incompatible.",
      default: formatSize(nodeDefaults.minMessageBytes)
    })
  ),
  window: Schema.optionalKey(
    size(4096, 256 * 1024 * 1024, "256 MiB").annotate({
      description: "Receive credit per session: how much may wait for the session to read it.",
      default: formatSize(nodeDefaults.window)
    })
  ),
  knownPeers: Schema.optionalKey(
    Schema.Array(peerAddress).annotate({
      expected: "a list of multiaddrs that name their peers",
      description: "Peers that are never forgotten, and dialled first.",
      default: []
    })
  ),
  private: Schema.optionalKey(Schema.Boolean.annotate({
    expected: "true or false",
    description: "Talk to knownPeers only, and don't tell others that the chain is served here.",
    default: nodeDefaults.private
  })),
  drainTimeout: Schema.optionalKey(
    finite("0 seconds", "1 hour").annotate({
      description: "How long the finalizers of a rotated or drained session may go on sending.",
      default: nodeDefaults.drainTimeout
    })
  ),
  closeTimeout: Schema.optionalKey(
    finite("1 second", "1 hour").annotate({
      description: "How long a peer may take to read what was sent before a close.",
      default: nodeDefaults.closeTimeout
    })
  )
}).annotate({ expected: "a chain: name, genesis, session and its options" })

const Limits = Schema.Struct({
  links: Schema.optionalKey(
    integer(1, 100_000).annotate({
      description: "Links of the process, to different peers.",
      default: 256
    })
  ),
  linksPerGroup: Schema.optionalKey(
    integer(1, 100_000).annotate({
      description: "Links to one address group: IPv4 /24 or IPv6 /48, of globally routable addresses.",
      default: 16
    })
  )
}).annotate({ expected: "limits, as keys and values", description: "Limits of the process, shared by all chains." })

const Discovery = Schema.Struct({
  mdns: Schema.optionalKey(Schema.Boolean.annotate({
    expected: "true or false",
    description: "Find peers of this network on the local one by multicast DNS, and be found by them.",
    default: false
  }))
}).annotate({ expected: "discovery, as keys and values", description: "Further ways to find peers." })

const PeerExchange = Schema.Struct({
  provenFor: Schema.optionalKey(
    finite("0 seconds", "1 hour").annotate({
      description: "How long a peer must have been known to live before others are told of it. A network that starts "
        + "from nothing, such as a devnet, needs less than the default.",
      default: "5 minutes"
    })
  )
}).annotate({ expected: "peerExchange, as keys and values", description: "How peers tell each other of peers." })

export const NodeFile = Schema.Struct({
  network: Chain.fields.network.annotate({
    expected: "a text of 1 to 64 characters",
    description: "The universe of chains that may talk to each other.",
    examples: ["devnet"]
  }),
  dataDir: Schema.optionalKey(Schema.NonEmptyString.annotate({
    expected: "a path",
    description: "Key and status socket live here. Relative to this file. One process at a time.",
    default: "./data"
  })),
  listen: Schema.optionalKey(
    Schema.Array(listenAddress).annotate({
      expected: "a list of multiaddrs to listen on",
      description: "Where peers can reach this node. Empty: it only dials.",
      default: ["/ip4/0.0.0.0/tcp/7400", "/ip4/0.0.0.0/udp/7400/quic-v1"]
    })
  ),
  bootstrap: Schema.optionalKey(
    Schema.Array(peerAddress).annotate({
      expected: "a list of multiaddrs that name their peers",
      description: "Peers to begin with, on every chain. Each ends in /p2p/<PeerId>: see `chain-p2p key show` there.",
      default: []
    })
  ),
  limits: Schema.optionalKey(Limits),
  discovery: Schema.optionalKey(Discovery),
  peerExchange: Schema.optionalKey(PeerExchange),
  chains: Schema.Array(ChainEntry).check(Schema.isMinLength(1)).annotate({
    expected: "a list of at least one chain",
    description: "One node per chain. All share the links."
  })
}).annotate({ expected: "keys and values: network, chains, …", title: "chain-p2p node" })
export type NodeFile = typeof NodeFile.Type
export type ChainEntry = NodeFile["chains"][number]
