import { KinsyncError } from "@kinsync/core/contract";
import type { Questions } from "./ask.ts";
import { imagesIn, isSameImage } from "./import/manifests.ts";
import type { Imported, ImportedEntry } from "./proposal.ts";
import type { ClusterFacts } from "./read-cluster.ts";

/** A workload that gets rules, and the rules of another tool for it. */
export interface ChosenWorkload {
  readonly workload: string;
  readonly namespace: string | undefined;
  readonly imported: readonly ImportedEntry[];
}

export interface Choosing {
  /** As named on the command line. */
  readonly names: readonly string[];
  readonly imported: Imported | undefined;
  /** `undefined`: it could not be read, for the reason `problem`. */
  readonly cluster: ClusterFacts | undefined;
  readonly problem: Error | undefined;
  readonly questions: Questions | undefined;
}

/**
 * The workloads of the config: those that are named; those of another tool's file; the only one of the namespace; what the user chooses.
 * Throws `KINSYNC_USAGE` where that leaves a choice and nobody can be asked, and the problem of the cluster where only it could tell.
 */
export async function chooseWorkloads(choosing: Choosing): Promise<readonly ChosenWorkload[]> {
  const { names, imported, cluster, problem, questions } = choosing;
  if (imported !== undefined) return await chooseImported(imported, choosing);
  const plain = (workload: string): ChosenWorkload => ({ workload, namespace: cluster?.namespace, imported: [] });
  if (names.length > 0) return [...new Set(names)].map(plain);
  if (cluster === undefined) throw problem ?? unknown([], "the namespace");
  const found = cluster.workloads.map(({ name }) => name);
  if (found.length === 1) return found.map(plain);
  if (found.length === 0 || questions === undefined)
    throw unknown(found, `namespace ${cluster.namespace}`, cluster.kinds);
  return (await questions.workloads(found)).map(plain);
}

/** Each entry goes to its workload: as its own manifests say, else the workload in the cluster with its image, else the one that is named. */
async function chooseImported(
  { entries }: Imported,
  { names, cluster, questions }: Choosing,
): Promise<readonly ChosenWorkload[]> {
  const chosen = new Map<string, ChosenWorkload>();
  const add = (workload: string, entry: ImportedEntry): void => {
    const namespace = entry.namespace ?? cluster?.namespace;
    const key = `${namespace} ${workload}`;
    const before = chosen.get(key);
    chosen.set(key, { workload, namespace, imported: [...(before?.imported ?? []), entry] });
  };
  for (const entry of entries) {
    const withImage = (cluster?.workloads ?? []).filter(({ root }) =>
      imagesIn(root.spec).some((image) => entry.images.some((each) => isSameImage(image, each))),
    );
    const candidates = entry.workload === undefined ? withImage.map(({ name }) => name) : [entry.workload];
    if (names.length === 1 && names[0] !== undefined) add(names[0], entry);
    else if (names.length > 1) for (const name of candidates.filter((each) => names.includes(each))) add(name, entry);
    else if (candidates.length > 0) for (const name of candidates) add(name, entry);
    else {
      const found = cluster?.workloads.map(({ name }) => name) ?? [];
      const image = entry.images[0] ?? "the rules";
      if (questions === undefined || found.length === 0) throw unknown(found, `the cluster for ${image}`);
      for (const name of await questions.workloads(found)) add(name, entry);
    }
  }
  return [...chosen.values()];
}

function unknown(found: readonly string[], where: string, kinds: readonly string[] = []): KinsyncError {
  const listed =
    kinds.length === 0 ? "" : ` init lists pods and the kinds ${kinds.join(", ")}; others can be named, too.`;
  return new KinsyncError(
    "KINSYNC_USAGE",
    found.length === 0
      ? `There is no workload in ${where} that kinsync knows`
      : `${where} has ${found.length} workloads: ${found.slice(0, 20).join(", ")}`,
    {
      hint: `Name those that should get files: kinsync init ${found[0] ?? "deployment/web"}.${listed}`,
      details: { found },
    },
  );
}
