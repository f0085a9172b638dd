import type { Paint } from "./color.ts";

/** A member's state in its color. */
export function stateWord(state: string, paint: Paint): string {
  if (state === "current" || state === "kept") return paint("green", state);
  return state === "unsettled" ? paint("yellow", state) : paint("dim", state);
}
