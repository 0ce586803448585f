import { poolLaws } from "../../laws/ConnectionPool.laws.ts"
import { inprocess } from "../../support/inprocess.ts"

poolLaws(inprocess)
