import { cp, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { execute } from "../harness/command.ts";
import { removeGroups } from "./cgroups.ts";
import { keptLogs, layoutOf, readState } from "./state.ts";

/** Milliseconds until every process of a cluster is gone. */
const END_LIMIT = 30_000;

/** The machine's end of the link to a cluster. */
export function linkName(id: string): string {
  return `e2e-${id}`;
}

/**
 * Ends all processes of a cluster and takes away its control groups, its link and its folder: nothing else of it is outside of its namespaces.
 * Works from what is written down, whoever brought it up and however far that came. No error where there is nothing.
 */
export async function takeAway(folder: string): Promise<void> {
  const state = await readState(folder);
  const groups = state?.nodes.flatMap((node) => node.groups.groups.map(({ path }) => path)) ?? [];
  await removeGroups(groups, END_LIMIT);
  // It goes by itself together with the first node, some time later.
  if (state !== undefined) await execute(["ip", "link", "delete", linkName(state.id)]);
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** Takes away what is no part of a cluster but stays where it did not come up: kept logs, and a folder that was never finished. */
export async function takeAwayRest(folder: string): Promise<void> {
  const names = await readdir(dirname(folder)).catch(() => []);
  for (const name of names) {
    if (name.startsWith(`${basename(folder)}.`))
      await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/**
 * Copies the logs of all components, also of a cluster that runs no more or did not come up.
 * @returns whether there were any
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

/** Ids of the clusters that a folder holds, also of those that are half there. */
export async function listClusters(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && !entry.name.includes(".")).map(({ name }) => name);
}
