/** What a network looks like as a graph. Pure. */

/** For each node its neighbours, by index. */
export type Graph = ReadonlyArray<ReadonlySet<number>>

/** Without direction: an edge given once is there both ways. */
export const graphOf = (nodes: number, edges: Iterable<readonly [number, number]>): Graph => {
  const graph = Array.from({ length: nodes }, () => new Set<number>())
  for (const [a, b] of edges) {
    graph[a]?.add(b)
    graph[b]?.add(a)
  }
  return graph
}

/** How far the farthest node is that can be reached from one, and how many can be, itself included. */
const reach = (graph: Graph, from: number, isIn: (node: number) => boolean) => {
  const seen = new Set([from])
  let [wave, far] = [[from], 0]
  while (true) {
    const next: Array<number> = []
    for (const node of wave) {
      for (const other of graph[node] ?? []) {
        if (seen.has(other) || !isIn(other)) continue
        seen.add(other)
        next.push(other)
      }
    }
    if (next.length === 0) return { seen, far }
    wave = next
    far++
  }
}

/** The longest of the shortest ways between two nodes; `Infinity` if there is none between some. */
export const diameter = (graph: Graph): number => {
  let most = 0
  for (let node = 0; node < graph.length; node++) {
    const { far, seen } = reach(graph, node, () => true)
    if (seen.size < graph.length) return Infinity
    most = Math.max(most, far)
  }
  return most
}

/** The size of the largest part whose nodes can all reach each other, of those that `isIn`. */
export const largestComponent = (graph: Graph, isIn: (node: number) => boolean = () => true): number => {
  const done = new Set<number>()
  let most = 0
  for (let node = 0; node < graph.length; node++) {
    if (done.has(node) || !isIn(node)) continue
    const { seen } = reach(graph, node, isIn)
    for (const one of seen) done.add(one)
    most = Math.max(most, seen.size)
  }
  return most
}

/** How uneven: 0 if all have the same, towards 1 if one has all. */
export const gini = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const sum = sorted.reduce((all, value) => all + value, 0)
  if (sum === 0) return 0
  const weighted = sorted.reduce((all, value, index) => all + (2 * (index + 1) - sorted.length - 1) * value, 0)
  return weighted / (sorted.length * sum)
}
