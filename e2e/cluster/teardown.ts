import { cp, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { execute } from "../harness/command.ts";
import { removeGroups } from "./cgroups.ts";
import { keptLogs, layoutOf, readState } from "./state.ts";

/** Time limit for the end of all processes of a cluster. */
const END_LIMIT_MS = 30_000;

/** The machine's end of the link to a cluster. */
export function linkName(id: string): string {
  return `e2e-${id}`;
}

/**
 * Ends all processes of a cluster and removes its control groups, its link and its folder: nothing else exists outside its namespaces.
 * Works from the state file, whichever process started the cluster and however far the start got. No error if there is no cluster.
 */
export async function removeCluster(folder: string): Promise<void> {
  const state = await readState(folder);
  const groups = state?.nodes.flatMap((node) => node.groups.groups.map(({ path }) => path)) ?? [];
  await removeGroups(groups, END_LIMIT_MS);
  // The kernel also removes it with the first node, but later.
  if (state !== undefined) await execute(["ip", "link", "delete", linkName(state.id)]);
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** Removes what a failed start leaves beside a cluster's folder: logs, and an unfinished folder. */
export async function removeRemains(folder: string): Promise<void> {
  const names = await readdir(dirname(folder)).catch(() => []);
  for (const name of names) {
    if (name.startsWith(`${basename(folder)}.`))
      await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/**
 * Copies the logs of all components, also of a cluster that no longer runs or failed to start.
 * @returns whether there were logs
 */
export async function copyLogs(folder: string, to: string): Promise<boolean> {
  for (const from of [layoutOf(folder).logs, keptLogs(folder)]) {
    const names = await readdir(from).catch(() => []);
    if (names.length === 0) continue;
    await cp(from, to, { recursive: true });
    return true;
  }
  return false;
}

/** Ids of the clusters in a folder, including those that were not started completely. */
export async function listClusters(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && !entry.name.includes(".")).map(({ name }) => name);
}
