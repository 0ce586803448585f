import { chainHostLaws } from "../../laws/ChainHost.laws.ts"
import { inprocessBackend } from "../../support/inprocess.ts"

chainHostLaws(inprocessBackend(10))
