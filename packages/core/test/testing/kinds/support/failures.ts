import type { KindPlugin } from "@kinsync/core/contract";
import { kindConformance, type KindCase, type KindConformanceOptions } from "@kinsync/core/testing";

/** Runs the kit with a runner that records: the names of the failed requirements, with their reasons. */
export function failuresOf(
  kind: KindPlugin,
  cases: readonly KindCase[],
  options: Omit<KindConformanceOptions, "test"> = {},
): Record<string, string> {
  const failures: Record<string, string> = {};
  const record = (name: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      failures[name.split(": ").at(-1) ?? name] = String(error);
    }
  };
  kindConformance(kind, cases, { test: record, ...options });
  return failures;
}
