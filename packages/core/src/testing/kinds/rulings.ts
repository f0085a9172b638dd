import type { MemberState } from "../../contract/state.ts";
import type { JudgedObjects } from "./kind-view.ts";

/** What a kind decides about one pod, without what it says about it. */
export interface Ruling {
  readonly state: MemberState;
  readonly role: string | undefined;
  readonly index: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly reason: string;
  readonly by: "owner" | "labels";
}

/** The rulings by pod. @param nameOf key of the pod with this UID; default: the UID */
export function rulingsOf(
  judged: JudgedObjects,
  nameOf: (uid: string) => string = (uid) => uid,
): Readonly<Record<string, Ruling>> {
  const rulings = judged.members.map(({ pod, by, verdict: { state, role, index, labels = {}, reason } }) => {
    const ruling: Ruling = { state, role, index, labels, reason: reason.code, by };
    return [nameOf(pod.metadata.uid), ruling] as const;
  });
  return Object.fromEntries(rulings.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
