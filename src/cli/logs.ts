/** Logs go to stderr: pretty on a terminal, a line of JSON each otherwise. */
import { Layer, Logger } from "effect"

const json = Logger.map(Logger.formatJson, (line) => void process.stderr.write(`${line}\n`))

export const layerLogs: Layer.Layer<never> = process.stderr.isTTY
  ? Layer.merge(
    Logger.layer([Logger.consolePretty({ mode: "tty", colors: true })]),
    Layer.succeed(Logger.LogToStderr, true)
  )
  : Logger.layer([json])
