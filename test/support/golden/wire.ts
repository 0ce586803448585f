/**
 * All that ever goes over a link, byte by byte in hex: another implementation can be written against it. Frames are
 * `[type: 1][length: 3][body]`; the bodies of the opening and of the control stream are CBOR with sorted keys.
 *
 * The chain is `{ network: "devnet", name: "bitcoin", genesis: "0000…e26f" }` (as displayed, 64 digits), the salt the bytes
 * 0 to 15, the signed record the bytes 1, 2, 3.
 */
export const golden: { readonly [name: string]: string } = {
  // SHA-256 over the CBOR of [network, name, genesis]; and of the salt and that key.
  "chain key": "0e5d30622c87e057ca30bcca3292d0ba4421f0980e7849866fff4283e5b7af10",
  "chain set entry": "8870923500fa4dd1dd38f75229aa1c9d7b6e7f3fe6553bde459dd3fa91eec0db",

  // The stream of a session. A CREDIT of 512 KiB.
  "DATA": "00 000002 cafe",
  "DATA, empty": "00 000000",
  "CREDIT": "01 000004 00080000",
  "END closed": "02 000001 00",
  "END rotated": "02 000001 01",
  "END draining": "02 000001 02",
  "END shutdown": "02 000001 03",
  "ABORT session-failed": "03 000001 00",
  "ABORT timeout": "03 000001 01",
  "ABORT protocol-violation": "03 000001 02",

  // Its opening. { chain, window: 1 MiB, version: 1, features: [], maxMessageBytes: 2 MiB }
  "HELLO": "04 00005d a5 65636861696e 58200e5d30622c87e057ca30bcca3292d0ba4421f0980e7849866fff4283e5b7af10 "
    + "6677696e646f77 1a00100000 6776657273696f6e 01 686665617475726573 80 6f6d61784d6573736167654279746573 1a00200000",
  // { window: 1 MiB, maxMessageBytes: 2 MiB }
  "ACCEPT": "05 000022 a2 6677696e646f77 1a00100000 6f6d61784d6573736167654279746573 1a00200000",
  // { reason: "full", alternatives: [record], retryAfterMillis: 10000 }
  "REJECT": "06 000033 a3 66726561736f6e 6466756c6c 6c616c7465726e617469766573 81 43010203 "
    + "70726574727941667465724d696c6c6973 192710",

  // The control stream, in DATA frames. { salt, type: "info", chains: [entry], record, version: 1 }
  "control info": "00 00005f a5 6473616c74 50000102030405060708090a0b0c0d0e0f 6474797065 64696e666f 66636861696e73 81 "
    + "58208870923500fa4dd1dd38f75229aa1c9d7b6e7f3fe6553bde459dd3fa91eec0db 667265636f7264 43010203 6776657273696f6e 01",
  // { type: "chains", added: [entry], removed: [] }
  "control chains": "00 00003f a3 6474797065 66636861696e73 656164646564 81 "
    + "58208870923500fa4dd1dd38f75229aa1c9d7b6e7f3fe6553bde459dd3fa91eec0db 6772656d6f766564 80",
  // { type: "renewal", record }
  "control renewal": "00 000019 a2 6474797065 6772656e6577616c 667265636f7264 43010203",
  // { id: 1, type }
  "control ping": "00 00000f a2 626964 01 6474797065 6470696e67",
  "control pong": "00 00000f a2 626964 01 6474797065 64706f6e67",
  // { type: "goodbye", reason: "idle" }
  "control goodbye": "00 00001a a2 6474797065 67676f6f64627965 66726561736f6e 6469646c65",
  // { id: 1, type: "get-peers" }, answered by { id: 1, type: "peers", records: [record] }
  "control get-peers": "00 000014 a2 626964 01 6474797065 696765742d7065657273",
  "control peers": "00 00001d a3 626964 01 6474797065 657065657273 677265636f726473 81 43010203"
}
