import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { chmodSync, unlinkSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { DataDirRejected } from "../../../signatures/index.ts"
import { type Answer, type Ask, longestQuestion, Question, type QuestionOf } from "./protocol.ts"
import { socketPath } from "./socketPath.ts"

interface Refused {
  readonly message: string
}

/** What a node does with questions. */
export interface Answers {
  readonly status: Effect.Effect<Answer<"status">>
  readonly peers: Effect.Effect<Answer<"peers">>
  readonly sessions: Effect.Effect<Answer<"sessions">>
  readonly chains: Effect.Effect<Answer<"chains">>
  readonly addChains: (question: QuestionOf<"add-chains">) => Effect.Effect<Answer<"add-chains">, Refused>
  readonly removeChain: (question: QuestionOf<"remove-chain">) => Effect.Effect<Answer<"remove-chain">, Refused>
  readonly why: (question: QuestionOf<"why">) => Effect.Effect<Answer<"why">, Refused>
  readonly ban: (question: QuestionOf<"ban">) => Effect.Effect<Answer<"ban">, Refused>
  readonly unban: (question: QuestionOf<"unban">) => Effect.Effect<Answer<"unban">, Refused>
}

const answerTo = (answers: Answers, question: Question): Effect.Effect<Answer<Ask>, Refused> => {
  switch (question.ask) {
    case "status":
    case "peers":
    case "sessions":
    case "chains":
      return answers[question.ask]
    case "add-chains":
      return answers.addChains(question)
    case "remove-chain":
      return answers.removeChain(question)
    case "why":
      return answers.why(question)
    case "ban":
      return answers.ban(question)
    case "unban":
      return answers.unban(question)
  }
}

const readQuestion = Schema.decodeUnknownOption(Schema.fromJsonString(Question))

/** Bounded in what it keeps of a line, and in how long it waits for one; an answer may take as long as it takes. */
const converse = (socket: Socket, reply: (line: string, send: (text: string) => void) => void): void => {
  let text = ""
  let awaited = 0
  socket.setEncoding("utf8")
  socket.setTimeout(30_000, () => {
    if (awaited === 0) socket.destroy()
  })
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk: string) => {
    text += chunk
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      awaited++
      reply(text.slice(0, end), (answer) => {
        awaited--
        socket.write(`${answer}\n`)
      })
      text = text.slice(end + 1)
    }
    if (text.length > longestQuestion) socket.destroy()
  })
}

/**
 * Answers through `node.sock` in the data directory until the scope closes. Only for who holds the directory's lock: a
 * socket that is there is then a leftover.
 */
export const serveStatus = Effect.fnUntraced(
  function*(dataDir: string, answers: Answers): Effect.fn.Return<void, DataDirRejected, Scope.Scope> {
    const path = socketPath(dataDir)
    if (path === undefined) return yield* new DataDirRejected({ path: dataDir, reason: "path-too-long" })
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      converse(socket, (line, send) => {
        const question = Option.getOrUndefined(readQuestion(line))
        if (question === undefined) return send(JSON.stringify({ error: "unknown question" }))
        run(Effect.matchCause(answerTo(answers, question), {
          onSuccess: (answer) => send(JSON.stringify({ answer })),
          onFailure: (cause) => {
            const error = Cause.squash(cause)
            send(JSON.stringify({ error: error instanceof Error ? error.message : "it can't be done" }))
          }
        }))
      })
    })
    server.maxConnections = 32
    yield* Effect.acquireRelease(listen(server, path, dataDir), () =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      }))
  }
)

const removeLeftover = (path: string): void => {
  try {
    unlinkSync(path)
  } catch {
    // There is none; if it is there and can't be removed, listening says why.
  }
}

const listen = (server: Server, path: string, dataDir: string): Effect.Effect<void, DataDirRejected> =>
  Effect.callback((resume) => {
    removeLeftover(path)
    server.once(
      "error",
      (cause) => resume(Effect.fail(new DataDirRejected({ path: dataDir, reason: "unwritable", cause })))
    )
    server.listen(path, () => {
      chmodSync(path, 0o600)
      resume(Effect.void)
    })
  })
