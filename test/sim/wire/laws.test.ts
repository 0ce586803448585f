import { connectionLaws } from "../../laws/P2pConnection.laws.ts"
import { inprocess } from "../../support/inprocess.ts"

connectionLaws(inprocess)
