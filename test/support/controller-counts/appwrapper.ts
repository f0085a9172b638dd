import type { TruthMoment } from "@kinsync/core/testing";
import { countOf, differences } from "./count-states.ts";

interface AppWrapperStatus {
  readonly phase?: string;
  readonly componentStatus?: readonly { readonly podSets?: readonly { readonly replicas?: number }[] }[];
}

/**
 * Compares a truth with what the AppWrapper controller counts (appwrapper `internal/controller/appwrapper/appwrapper_controller.go`):
 * while it runs, the pod sets of its components have as many pods as members are current, and in no other phase any is.
 * @returns the differences
 */
export function appWrapperCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the AppWrapper does not exist"];
  const { phase = "", componentStatus = [] }: AppWrapperStatus = moment.root.status ?? {};
  const podSets = componentStatus.flatMap((component) => component.podSets ?? []);
  const wanted = podSets.reduce((sum, { replicas = 1 }) => sum + replicas, 0);
  const expected = phase === "Running" ? wanted : 0;
  return differences(
    "members are current",
    countOf(moment, "current"),
    `the number of pods in phase ${phase}`,
    expected,
  );
}
