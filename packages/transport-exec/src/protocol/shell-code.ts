import { commitInstructions } from "../commit/commit-instructions.ts";
import type { Instruction } from "../commit/instruction-list.ts";
import type { StageRequest } from "./agent-protocol.ts";
import { plainList, quoted } from "./quote.ts";

/** A shell reads a request byte by byte. Longer text is sent as a blob, which `dd` reads at once. */
export const INLINE_CHARACTERS = 4 * 1024;

/** Encoded lists of instructions. Sessions at equal locations share the list of a plan. */
const encoded = new WeakMap<readonly Instruction[], readonly string[]>();

/** Shell code that executes the instructions of a batch, joined by `&&`: checks, the journal, changes. */
export function commitCode({ plan, location, inPlace, placed }: StageRequest): string {
  const { checks, changes } = commitInstructions(plan, location, inPlace);
  const code = [...shellLines(checks), journal("placed", placed), ...shellLines(changes)].join(" &&\n");
  return code.length > INLINE_CHARACTERS ? code : code.replaceAll(" &&\n", " && ");
}

/** Shell code that appends to the journal: the text itself, or the blob with that name. */
export function journal(name: string, text: string): string {
  if (text === "") return ":";
  return text.length > INLINE_CHARACTERS ? `jb ${name}` : `ja ${quoted(text)}`;
}

export function shellLines(list: readonly Instruction[]): readonly string[] {
  let lines = encoded.get(list);
  if (lines === undefined) {
    encoded.set(list, (lines = list.map(({ word, arguments: words }) => `${word} ${plainList(words)}`)));
  }
  return lines;
}
