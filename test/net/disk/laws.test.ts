import { diskLaws } from "../../laws/Disk.laws.ts"
import { fileBackend } from "../../support/fileDisk.ts"

diskLaws(fileBackend)
