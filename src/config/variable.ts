/** The environment's word on which file to read: a name that is no key of it. */
export const configVariable = "CHAIN_P2P_CONFIG"
