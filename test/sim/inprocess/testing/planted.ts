/** A planted bug, found. Run as a program it prints the failure. */
import { checkSimulation, Faults } from "../../../../inprocess/testing/index.ts"
import { forgetful } from "./scenarios.ts"

export const failureOf = (check: () => void): string => {
  try {
    check()
  } catch (error) {
    return String(error)
  }
  return "nothing was found"
}

const property = { ...forgetful, faults: Faults.any }

export const findPlanted = (replay?: string): string =>
  failureOf(() => checkSimulation(property, { seed: 1, test: "counts (and keeps)", replay }))

if (process.argv[1] === import.meta.filename) process.stdout.write(findPlanted())
