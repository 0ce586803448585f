import * as Schema from "effect/Schema"

/** Something that the user can mend or asked for, said in one message. */
export class CliFailed extends Schema.TaggedError<CliFailed>()("CliFailed", {
  message: Schema.String,
  /** 1 where it is absent. */
  exitCode: Schema.optionalKey(Schema.Int)
}) {}
