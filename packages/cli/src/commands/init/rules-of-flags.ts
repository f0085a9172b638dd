import { parseMappingFlag } from "@kinsync/core/config";
import type { ProposedRule } from "./proposal.ts";

/** `FROM:TO` as sync rules. Throws `KINSYNC_USAGE`. */
export function rulesOfFlags(flags: readonly string[], because: string): readonly ProposedRule[] {
  return flags.map((flag) => {
    const { from, to } = parseMappingFlag(flag);
    return { from, to, because };
  });
}
