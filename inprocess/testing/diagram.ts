import { printFault } from "../network/index.ts"
import { printEvent, type SimulationEvent } from "./Recorder.ts"

const laneWidth = 180
const rowHeight = 18
const left = 130
const top = 50

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(`"`, "&quot;")

const laneOf = (host: number): number => left + laneWidth * (host + 0.5)

const instantsOf = (event: SimulationEvent): ReadonlyArray<number> =>
  event._tag === "Bytes" ? [event.sentAt, event.at] : [event.at]

const lanesOf = (event: SimulationEvent): ReadonlyArray<number> =>
  event._tag === "Note"
    ? [event.host]
    : event._tag === "Fault" || event._tag === "Healed"
    ? []
    : [event.host, event.peer]

const line = (kind: string, x1: number, y1: number, x2: number, y2: number): string =>
  `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`

const words = (kind: string, x: number, y: number, text: string): string =>
  `<text class="${kind}" x="${x}" y="${y}">${escaped(text)}</text>`

const style = `
  body { margin: 1em; font: 12px sans-serif; background: #fff; color: #222 }
  svg text { font: 11px sans-serif }
  .lane { stroke: #bbb } .time { fill: #999; text-anchor: end } .host { font-weight: bold; text-anchor: middle }
  .bytes { stroke: #3572b0; marker-end: url(#head) } .link { stroke: #2a9d4a; stroke-width: 2 }
  .ended { stroke: #c0392b; stroke-width: 2; stroke-dasharray: 4 3 }
  .fault { stroke: #c0392b } .faultname { fill: #c0392b; font-weight: bold }
  .healed { stroke: #2a9d4a } .healedname { fill: #2a9d4a; font-weight: bold } .note { fill: #7a4b00 }
  g:hover line { stroke-width: 3 }`

/** One that happened, at the height of its instant. */
const drawn = (event: SimulationEvent, y: (micros: number) => number, right: number): string => {
  const at = y(event.at)
  switch (event._tag) {
    case "Bytes":
      return line("bytes", laneOf(event.peer), y(event.sentAt), laneOf(event.host), at)
    case "LinkUp":
      return line("link", laneOf(event.host) - 6, at, laneOf(event.host) + 6, at)
    case "LinkEnded":
      return line("ended", laneOf(event.host) - 10, at, laneOf(event.host) + 10, at)
    case "Note":
      return words("note", laneOf(event.host) + 6, at + 4, event.text)
    case "Fault":
      return line("fault", left, at, right, at) + words("faultname", left + 4, at - 3, printFault(event.fault))
    case "Healed":
      return line("healed", left, at, right, at) + words("healedname", left + 4, at - 3, "healed")
  }
}

/**
 * A trace as one HTML page, which needs nothing else: a lane per host, time from top to bottom, a row per instant at which
 * something happened, an arrow per piece of bytes. What each thing is shows under the pointer.
 */
export const sequenceDiagram = (trace: ReadonlyArray<SimulationEvent>): string => {
  const instants = Array.from(new Set(trace.flatMap(instantsOf))).toSorted((a, b) => a - b)
  const rows = new Map(instants.map((micros, row) => [micros, top + rowHeight * (row + 1)]))
  const y = (micros: number): number => rows.get(micros) ?? top
  const lanes = trace.flatMap(lanesOf).reduce((most, host) => Math.max(most, host + 1), 1)
  const [right, bottom] = [left + laneWidth * lanes, top + rowHeight * (instants.length + 1)]
  const hosts = Array.from({ length: lanes }, (_, host) => host)
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A simulated run</title><style>${style}</style></head>`,
    `<body><svg width="${right + 20}" height="${bottom + 10}">`,
    `<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">`,
    `<path d="M0 0L8 4L0 8z" fill="#3572b0"/></marker></defs>`,
    ...hosts.map((host) =>
      words("host", laneOf(host), top - 20, `host ${host}`) + line("lane", laneOf(host), top, laneOf(host), bottom)
    ),
    ...instants.map((micros) => words("time", left - 12, y(micros) + 4, `${(micros / 1000).toFixed(3)} ms`)),
    ...trace.map((event) => `<g><title>${escaped(printEvent(event))}</title>${drawn(event, y, right)}</g>`),
    `</svg></body></html>`
  ].join("\n")
}
