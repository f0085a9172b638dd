import { wrapperText } from "@kinsync/core";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";

/** Prints the program that runs a container's command so that kinsync can restart it. */
export function runWrapper(io: Io): number {
  io.stdout.write(wrapperText());
  return EXIT.done;
}
