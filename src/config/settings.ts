/** What a valid file means: paths made absolute, texts with units turned into values, nothing left to interpret. */
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { resolve } from "node:path"
import { Address } from "../../signatures/Address.ts"
import type { P2pNodeConfig } from "../../signatures/NodeConfig.ts"
import type { ChainEntry, NodeFile } from "./NodeFile.ts"
import { fileShape } from "./shape.ts"
import { parseDuration, parseSize } from "./units.ts"

export interface ChainSettings {
  /** As in the file, with what stands above it. */
  readonly written: ChainEntry
  readonly node: P2pNodeConfig
  readonly index: number
  /** As written: a ready-made session's name, or a path of a module. */
  readonly session: string
  /** As written; the session's own schema checks them. */
  readonly options: unknown
}

export interface NodeSettings {
  /** Absolute; relative paths of the session's options start from its folder. */
  readonly folder: string
  readonly network: string
  readonly dataDir: string
  readonly listen: ReadonlyArray<Address>
  readonly bootstrap: ReadonlyArray<Address>
  readonly limits: { readonly links: number; readonly linksPerGroup: number }
  readonly discovery: { readonly mdns: boolean }
  readonly peerExchange: { readonly provenFor: Duration.Duration }
  readonly chains: ReadonlyArray<ChainSettings>
}

const defaultOf = (key: string, inner?: string): unknown => {
  const shape = fileShape.keys.get(key)
  const leaf = inner === undefined || shape?._tag !== "Keys" ? shape : shape.keys.get(inner)
  return leaf === undefined || leaf._tag === "Keys" ? undefined : leaf.default
}
const decodeDefault = <S extends Schema.Constraint & { readonly DecodingServices: never }>(
  schema: S,
  key: string,
  inner?: string
): S["Type"] => Schema.decodeUnknownSync(schema)(defaultOf(key, inner))

const addresses = Schema.decodeUnknownSync(Schema.Array(Address))
const duration = (text: string): Duration.Duration => Option.getOrThrow(parseDuration(text))
const size = (text: string): number => Option.getOrThrow(parseSize(text))

const chainSettings = (network: string, entry: ChainEntry, index: number): ChainSettings => {
  const { name, genesis, session, options, ...rest } = entry
  const {
    sessionTimeout,
    drainTimeout,
    closeTimeout,
    maxMessageBytes,
    minMessageBytes,
    window,
    knownPeers,
    ...counts
  } = rest
  return {
    written: entry,
    node: {
      ...counts,
      chain: { network, name, genesis },
      ...(sessionTimeout === undefined ? {} : { sessionTimeout: duration(sessionTimeout) }),
      ...(drainTimeout === undefined ? {} : { drainTimeout: duration(drainTimeout) }),
      ...(closeTimeout === undefined ? {} : { closeTimeout: duration(closeTimeout) }),
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes: size(maxMessageBytes) }),
      ...(minMessageBytes === undefined ? {} : { minMessageBytes: size(minMessageBytes) }),
      ...(window === undefined ? {} : { window: size(window) }),
      ...(knownPeers === undefined ? {} : { knownPeers: addresses(knownPeers) })
    },
    index,
    session,
    options
  }
}

export const settingsOf = (file: NodeFile, folder: string): NodeSettings => {
  return {
    folder,
    network: file.network,
    dataDir: resolve(folder, file.dataDir ?? decodeDefault(Schema.String, "dataDir")),
    listen: file.listen === undefined
      ? decodeDefault(Schema.Array(Address), "listen")
      : addresses(file.listen),
    bootstrap: addresses(file.bootstrap ?? []),
    limits: {
      links: file.limits?.links ?? decodeDefault(Schema.Int, "limits", "links"),
      linksPerGroup: file.limits?.linksPerGroup ?? decodeDefault(Schema.Int, "limits", "linksPerGroup")
    },
    discovery: { mdns: file.discovery?.mdns ?? decodeDefault(Schema.Boolean, "discovery", "mdns") },
    peerExchange: {
      provenFor: duration(file.peerExchange?.provenFor ?? decodeDefault(Schema.String, "peerExchange", "provenFor"))
    },
    chains: file.chains.map((entry, index) => chainSettings(file.network, entry, index))
  }
}
