import type { PluginReference, RulesEntry } from "../contract/config.ts";
import type { KindPlugin } from "../contract/kind.ts";
import type { TransportPlugin } from "../contract/transport.ts";

/** Whether a file is rules, by its name. */
export function isRulesFile(path: string): boolean {
  return /\.(?:ya?ml|json)$/.test(path);
}

/** The rules that an entry of `kinds` is, or the path of their file; `undefined` for code, and for packages. */
export function rulesOf(
  entry: KindPlugin | TransportPlugin | PluginReference | RulesEntry,
): RulesEntry["rules"] | undefined {
  if (typeof entry === "string") return /^\.{1,2}\//.test(entry) && isRulesFile(entry) ? entry : undefined;
  return "rules" in entry && !("contract" in entry) ? entry.rules : undefined;
}
