import type { Input, JobControl, Output } from "../io.ts";
import type { Paint } from "./color.ts";

/** What the screen of a run works with. */
export interface LiveOptions {
  readonly output: Output & NodeJS.WritableStream;
  readonly paint: Paint;
  /** Where keys come from. Default: there are no keys. */
  readonly input?: Input | undefined;
  readonly jobControl?: JobControl | undefined;
  /** Ends the run, as the key `q` does. */
  readonly quit: () => void;
  /** Deletes are asked about on this terminal. */
  readonly asksDeletes: boolean;
}
