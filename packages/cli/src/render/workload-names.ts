import { clean } from "./text.ts";

/** A workload as events and views name it. */
export interface NamedWorkload {
  readonly workload: string;
  readonly namespace: string;
}

/** The workload in front of a line: `deploy/web: `; empty where a run has one only. */
export type PrefixOf = (workload: NamedWorkload) => string;

/** No line names its workload. */
export const NO_PREFIX: PrefixOf = () => "";

/** Names each workload of a run where there are several, and its namespace where two have one name. */
export function createPrefix(workloads: readonly NamedWorkload[]): PrefixOf {
  if (workloads.length < 2) return NO_PREFIX;
  return (workload) => `${nameWorkload(workload, workloads)}: `;
}

/** `deploy/web`, or `deploy/web (shop)` where another workload of the run has the same name. */
export function nameWorkload({ workload, namespace }: NamedWorkload, all: readonly NamedWorkload[]): string {
  const isRepeated = all.filter((each) => each.workload === workload).length > 1;
  return isRepeated ? `${clean(workload)} (${clean(namespace)})` : clean(workload);
}
