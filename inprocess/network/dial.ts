import { type Address, type DialFailed, type PeerId } from "../../signatures/index.ts"
import { type KeyedRandom } from "../kernel/index.ts"
import { type Machine, type Wiring } from "./Machine.ts"
import { type Process } from "./Process.ts"
import { SimulatedLink } from "./SimulatedLink.ts"

type Outcome = SimulatedLink | DialFailed["reason"]

/** The two ends of a link that both processes have agreed to. */
const makeLink = (
  wiring: Wiring,
  from: Machine,
  dialler: Process,
  to: Machine,
  listener: Process,
  address: Address
) => {
  const name = `link/${from.index}/${to.index}/${from.nextLink()}`
  const random: KeyedRandom = (key) => wiring.random(`${name}/${key}`)
  const shared = { agenda: wiring.agenda, splitting: wiring.splitting, random, trace: wiring.trace }
  const mine = new SimulatedLink({
    ...shared,
    owner: dialler,
    peer: to.peer,
    remote: address,
    direction: "outbound",
    channel: wiring.channel(from, to)
  })
  const theirs = new SimulatedLink({
    ...shared,
    owner: listener,
    peer: from.peer,
    remote: from.nextEphemeral(),
    direction: "inbound",
    channel: wiring.channel(to, from)
  })
  SimulatedLink.join(mine, theirs)
  return [mine, theirs] as const
}

/**
 * Packets as those of TCP and a three-way handshake: two round trips before the dialler knows who answers, and then half of
 * one more until the listener knows who asks. Which end has its link first is drawn, as it differs between real transports.
 */
export const dial = (
  wiring: Wiring,
  from: Machine,
  dialler: Process,
  peer: PeerId,
  address: Address,
  done: (outcome: Outcome) => void
): () => void => {
  let wanted = true
  const settle = (outcome: Outcome) => {
    if (!wanted) return
    wanted = false
    done(outcome)
  }
  const to = wiring.machineOf(address)
  if (to === undefined || peer === from.peer) {
    wiring.agenda.at(wiring.agenda.now() + wiring.unreachableAfter, () => settle("unreachable"))
    return () => wanted = false
  }
  const out = wiring.channel(from, to)
  const back = wiring.channel(to, from)
  const connect = (listener: Process) => {
    const [mine, theirs] = makeLink(wiring, from, dialler, to, listener, address)
    const first = out.random.chance(0.5)
    dialler.adopt(mine)
    if (first) settle(mine)
    out.send(() => {
      if (theirs.over) return
      if (!listener.welcome(theirs)) return back.send(() => first ? mine.end("lost") : refuse(mine))
      if (!first) back.send(() => wanted ? settle(mine) : mine.abort())
    })
  }
  const refuse = (mine: SimulatedLink) => {
    mine.end("lost")
    settle("handshake")
  }
  out.send(() => {
    const listener = wiring.listeners.get(address)
    if (listener === undefined) return back.send(() => settle("refused"))
    back.send(() => {
      if (!wanted || dialler.dead) return
      out.send(() => {
        if (listener.dead) return back.send(() => settle("handshake"))
        back.send(() => {
          if (!wanted || dialler.dead) return
          if (listener.self === peer) connect(listener)
          else settle("wrong-peer")
        })
      })
    })
  })
  return () => wanted = false
}
