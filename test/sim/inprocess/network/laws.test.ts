import { transportLaws } from "../../../laws/Transport.laws.ts"
import { inprocess } from "../../../support/inprocess.ts"

transportLaws(inprocess)
