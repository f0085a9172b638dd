import { ELIGIBLE_STATES } from "@kinsync/core/contract";
import type { Paint } from "./color.ts";

/** A member's state in its color. */
export function stateWord(state: string, paint: Paint): string {
  if (ELIGIBLE_STATES.some((each) => each === state)) return paint("green", state);
  return state === "unsettled" ? paint("yellow", state) : paint("dim", state);
}
