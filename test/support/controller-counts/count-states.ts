import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";

/** Number of the members in a state whose pods fit. */
export function countOf(
  { truth, objects }: TruthMoment,
  state: string,
  fits: (pod: KubeObject) => boolean = () => true,
): number {
  const { members } = truth.truth;
  return objects.filter((object) => object.kind === "Pod" && members[object.metadata.name] === state && fits(object))
    .length;
}

/** One sentence if two numbers differ. */
export function differences(what: string, found: number, name: string, counted: number): readonly string[] {
  return found === counted ? [] : [`${found} ${what}, ${name} is ${counted}`];
}
