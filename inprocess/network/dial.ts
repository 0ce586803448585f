import { type Address, type DialFailed, type PeerId } from "../../signatures/index.ts"
import { type Key, Purpose } from "./Key.ts"
import { type Machine, type Wiring } from "./Machine.ts"
import { type Process } from "./Process.ts"
import { SimulatedLink } from "./SimulatedLink.ts"

type Outcome = SimulatedLink | DialFailed["reason"]

/** The two ends of a link that both processes have agreed to. */
const makeLink = (
  setting: Wiring,
  from: Machine,
  dialler: Process,
  to: Machine,
  listener: Process,
  address: Address,
  key: Key
) => {
  const mine = new SimulatedLink({
    setting,
    owner: dialler,
    peer: to.peer,
    remote: address,
    direction: "outbound",
    channel: setting.channel(from, to),
    key: key.child(Purpose.link, 0)
  })
  const theirs = new SimulatedLink({
    setting,
    owner: listener,
    peer: from.peer,
    remote: from.nextEphemeral(),
    direction: "inbound",
    channel: setting.channel(to, from),
    key: key.child(Purpose.link, 1)
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
  const channel = wiring.channel(from, to)
  const key = channel.nextDial()
  let packets = 0
  const out = (run: () => void) => channel.send(run, key, packets++)
  const back = (run: () => void) => wiring.channel(to, from).send(run, key, packets++)
  const connect = (listener: Process) => {
    const [mine, theirs] = makeLink(wiring, from, dialler, to, listener, address, key)
    const first = key.chance(Purpose.dial, 0, 0.5)
    dialler.adopt(mine)
    if (first) settle(mine)
    out(() => {
      if (theirs.over) return back(() => settle("handshake"))
      if (!listener.welcome(theirs)) return back(() => first ? mine.end("lost") : refuse(mine))
      if (!first) back(() => wanted ? settle(mine) : mine.abort())
    })
  }
  const refuse = (mine: SimulatedLink) => {
    mine.end("lost")
    settle("handshake")
  }
  out(() => {
    const listener = wiring.listeners.get(address)
    if (listener === undefined) return back(() => settle("refused"))
    back(() => {
      if (!wanted || dialler.dead) return
      out(() => {
        if (listener.dead) return back(() => settle("handshake"))
        back(() => {
          if (!wanted || dialler.dead) return
          if (listener.self === peer) connect(listener)
          else settle("wrong-peer")
        })
      })
    })
  })
  return () => wanted = false
}
