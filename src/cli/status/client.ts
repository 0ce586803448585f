import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { connect } from "node:net"
import { CliFailed } from "../failure.ts"
import { type Answer, answers, type Ask, type Question, Refusal } from "./protocol.ts"
import { socketPath } from "./socketPath.ts"

/** Why there was no answer: nobody is there, or what went wrong. */
type Silence = "nobody" | { readonly why: string }

const askLine = (path: string, question: Question): Effect.Effect<string, Silence> =>
  Effect.callback((resume) => {
    const socket = connect(path)
    let text = ""
    socket.setEncoding("utf8")
    socket.on("connect", () => socket.write(`${JSON.stringify(question)}\n`))
    socket.on("data", (chunk: string) => {
      text += chunk
      const end = text.indexOf("\n")
      if (end < 0) return
      resume(Effect.succeed(text.slice(0, end)))
      socket.destroy()
    })
    socket.on("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.fail(error.code === "ENOENT" || error.code === "ECONNREFUSED" ? "nobody" : { why: error.message })))
    socket.on("close", () =>
      resume(Effect.fail({ why: "it closed the socket without an answer" })))
    return Effect.sync(() =>
      socket.destroy()
    )
  })

/** How long a node that lives may take to say something of itself. What it is told to do takes as long as it takes. */
const patience = "5 seconds"
const actions: ReadonlySet<Ask> = new Set(["add-chains", "remove-chain"])

/** Asks the node that runs on a data directory. */
export const askNode = Effect.fnUntraced(function*<Q extends Question>(
  dataDir: string,
  question: Q
): Effect.fn.Return<Answer<Q["ask"]>, CliFailed> {
  const ask: Q["ask"] = question.ask
  const path = socketPath(dataDir)
  if (path === undefined) return yield* new CliFailed({ message: `${dataDir}: its path is too long for a socket` })
  const line = yield* askLine(path, question).pipe(
    Effect.timeoutOrElse({
      duration: actions.has(ask) ? "Infinity" : patience,
      orElse: () => Effect.fail({ why: `no answer within ${patience}` })
    }),
    Effect.mapError((silence) =>
      new CliFailed({
        message: silence === "nobody"
          ? `no node runs on ${dataDir}: start one with  chain-p2p run`
          : `the node on ${dataDir} can't be asked: ${silence.why}`
      })
    )
  )
  const schema: Schema.Codec<Answer<Q["ask"]>, unknown> = answers[ask]
  const said = yield* Schema.decodeEffect(
    Schema.fromJsonString(Schema.Union([Schema.Struct({ answer: schema }), Refusal]))
  )(line).pipe(
    Effect.mapError(() =>
      new CliFailed({ message: `the node on ${dataDir} answers otherwise than this version of chain-p2p expects` })
    )
  )
  if ("error" in said) return yield* new CliFailed({ message: said.error })
  return said.answer
})
