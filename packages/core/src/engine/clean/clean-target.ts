import { posix } from "node:path";
import type { BatchEntry, HostedSession, InventoryEntry, Marker, RootSpec } from "../../contract/transport.ts";
import { asKinsyncError, KinsyncError } from "../../errors/error.ts";
import { containerPath, resolveIn } from "../../mapping/container-path.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { memoryContent } from "../../mapping/memory-content.ts";
import type { HostedTransport } from "../../plugins/host.ts";
import type { EligibleContainer } from "../../resolve/select/eligible.ts";
import { createArchive } from "../../sync/archive/archive.ts";
import { partsOf } from "../../sync/plan/batches.ts";
import { problemOf } from "../dry-run/plan-target.ts";
import { locateRoot } from "../places/locate.ts";
import type { CleanedRoot, LeftBehind } from "./clean-types.ts";

/** Milliseconds for the command that asks whether a process lives. */
const LOOK_MS = 10_000;

/** A mapped root that kinsync left something in, and the session to remove it with. */
export interface FoundRoot {
  readonly left: LeftBehind;
  readonly session: HostedSession;
  readonly spec: RootSpec;
  /** Everything of the manifest, whether or not it still exists. */
  readonly manifest: readonly string[];
  readonly entries: readonly InventoryEntry[];
  /** Equal for roots with the same bytes: of several, one is cleaned. */
  readonly place: string;
  /** This container is the one whose run wrote last. */
  readonly isWriter: boolean;
}

/** Looks for what kinsync left of one mapping in a container: by its manifest and its marker. Writes nothing. */
export async function findLeft(
  { member, container, target }: EligibleContainer,
  mapping: ResolvedMapping,
  session: HostedSession,
  transport: HostedTransport,
  signal: AbortSignal,
): Promise<readonly FoundRoot[]> {
  if (target === undefined) return [];
  const found: FoundRoot[] = [];
  const { workingDirectory, incarnation } = session.facts;
  // The local path may be gone: both a folder and a single file are looked for.
  for (const isFile of [false, true]) {
    const path = containerPath(mapping, isFile);
    const located = locateRoot(target, path, workingDirectory, (spec) =>
      transport.place(target, spec, { pod: member.pod }),
    );
    for (const key of new Set([path.key, located.key])) {
      const spec: RootSpec = {
        path: path.path,
        shape: path.shape,
        key,
        ...(isFile ? { fileName: path.fileName } : {}),
        ...(mapping.inPlace ? { inPlace: true } : {}),
      };
      const { placed: manifest, marker, entries } = await session.inventory(spec, { paths: [], signal });
      if (manifest.length === 0 && marker === undefined) continue;
      const folder = resolveIn(workingDirectory, spec.path);
      const known = new Set(manifest);
      const existing = entries.filter((entry) => known.has(entry.path)).sort((a, b) => (a.path < b.path ? 1 : -1));
      const name = `pod/${member.name}, container ${container.name}`;
      const problem = await refusalOf(session, marker, `${name}, ${folder}`, signal);
      found.push({
        left: {
          namespace: member.namespace,
          pod: member.name,
          container: container.name,
          mapping: mapping.id,
          to: isFile ? posix.join(folder, path.fileName) : folder,
          placed: existing.map((entry) => posix.join(folder, entry.path)),
          ...(marker === undefined ? {} : { owner: { name: marker.owner, since: marker.since } }),
          ...(problem === undefined ? {} : { problem: problemOf(problem) }),
        },
        session,
        spec,
        manifest,
        entries: existing,
        place: `${located.volume}:${located.path} ${key}`,
        isWriter: marker?.incarnation === incarnation,
      });
    }
  }
  return found;
}

/** The error for a root whose last run still is at work in this container. */
async function refusalOf(
  session: HostedSession,
  marker: Marker | undefined,
  where: string,
  signal: AbortSignal,
): Promise<KinsyncError | undefined> {
  if (marker?.process === undefined || marker.incarnation !== session.facts.incarnation) return undefined;
  if (!(await isAlive(session, marker.process, signal))) return undefined;
  return new KinsyncError(
    "KINSYNC_TARGET_TAKEN",
    `${where}: the run of ${marker.owner} since ${marker.since} is at work there`,
    {
      hint: "End that run first: Ctrl-C in its terminal.",
      details: { runId: marker.runId },
    },
  );
}

/** Whether the process runs; false where nobody can tell: the claim that follows then ends the other run's ownership. */
async function isAlive(
  session: HostedSession,
  { id, start }: NonNullable<Marker["process"]>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { output, exitCode } = await session.run(["cat", `/proc/${id}/stat`], { timeout: LOOK_MS, signal });
    // The name of the process may hold blanks and brackets; the start is the 20th field after it.
    const fields = output.slice(output.lastIndexOf(") ") + 2).split(" ");
    return exitCode === 0 && fields[0] !== "Z" && fields[19] === start;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** Removes the placed files of a root, unless only its state is wanted, and the state. */
export async function removeLeft(
  { left, session, spec, manifest, entries }: FoundRoot,
  { stateOnly, signal }: { readonly stateOnly: boolean; readonly signal: AbortSignal },
): Promise<CleanedRoot> {
  try {
    await session.claim(spec, { snapshot: 0, tree: "", signal });
    if (!stateOnly) await deleteEntries(session, spec, manifest, entries, signal);
    await session.release(spec, { signal });
    return { ...left, status: "removed" };
  } catch (error) {
    signal.throwIfAborted();
    const problem = problemOf(asKinsyncError(error, `pod/${left.pod}, container ${left.container}`));
    return { ...left, problem, status: "failed" };
  }
}

/** Folders go only where nothing else is in them. */
async function deleteEntries(
  session: HostedSession,
  root: RootSpec,
  manifest: readonly string[],
  entries: readonly InventoryEntry[],
  signal: AbortSignal,
): Promise<void> {
  const deletes = entries.map(({ path, type }): BatchEntry => ({
    op: "delete",
    path,
    type: type === "directory" ? "directory" : "file",
  }));
  await using archive = createArchive([], { content: memoryContent([]) });
  const parts = partsOf(deletes);
  for (const [place, part] of parts.entries()) {
    const isLast = place === parts.length - 1;
    const unplaced = isLast ? manifest : part.map(({ path }) => path);
    const batch = { root, snapshot: 0, tree: "", entries: part, placed: [], unplaced, archive };
    await session.commit(session.stage(batch, { signal }), { signal });
  }
}
