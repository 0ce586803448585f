/** The laws of transport, identity and disk, under drawn schedules and each hardship that leaves links up: they promise no less. */
import { drawSchedule } from "../../../../inprocess/index.ts"
import { diskLaws } from "../../../laws/Disk.laws.ts"
import { identityLaws } from "../../../laws/Identity.laws.ts"
import { transportLaws } from "../../../laws/Transport.laws.ts"
import { hardships } from "../../../support/hardships.ts"
import { inprocessBackend } from "../../../support/inprocess.ts"

for (const hardship of hardships) {
  const backend = inprocessBackend(2, { ...hardship, schedule: drawSchedule })
  transportLaws(backend)
  identityLaws(backend)
  diskLaws(backend)
}
