import { nodeLaws } from "../../laws/P2pNode.laws.ts"
import { inprocessBackend } from "../../support/inprocess.ts"

nodeLaws(inprocessBackend(5))
