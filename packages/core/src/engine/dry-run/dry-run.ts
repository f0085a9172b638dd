import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin } from "../../contract/kind.ts";
import type { KindEntry, TransportEntry } from "../../plugins/host.ts";
import { asKinsyncError, KinsyncError } from "../../errors/error.ts";
import { ReflectorPool } from "../../kube/reflector-pool.ts";
import { createSource } from "../../local/watcher.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { resolveOnce } from "../../resolve/report/explain.ts";
import { selectFromMember, type EligibleContainer } from "../../resolve/select/eligible.ts";
import { deadline, untilAborted } from "../../time/deadline.ts";
import { LocalFiles } from "../local-files.ts";
import type { WriterFor } from "../options.ts";
import type { ResolvedWorkload } from "../resolved-workload.ts";
import { Sessions } from "../sessions.ts";
import { nextSnapshot, type Snapshot } from "../snapshot.ts";
import { isTransient, unreadProblems } from "../unread.ts";
import { leftOutOf } from "./left-out.ts";
import { planTarget, problemOf, type Comparison } from "./plan-target.ts";
import type {
  OpenTarget,
  PlannedOther,
  PlannedSource,
  PlannedTarget,
  PlanProblem,
  PlannedWorkload,
} from "./plan-types.ts";

/** Milliseconds for the local files of one workload, and for one container. */
const LOCAL_FILES_MS = 120_000;
const TARGET_MS = 60_000;
/** Milliseconds that a file gets to rest which changes while it is read. */
const UNSTABLE_MS = 2_000;

/** What a look at the containers of a project works with. */
export interface LookOptions {
  readonly cluster: ClusterConnection;
  readonly kinds: readonly KindEntry[];
  readonly transports: readonly TransportEntry[];
  readonly workloads: readonly (ResolvedWorkload & { readonly kind: KindPlugin | undefined })[];
  /** As in a run; nothing of it is written. */
  readonly runId: string;
  readonly owner: string;
  readonly host: string | undefined;
  /** As in a run: what is removed may be in an object of the cluster. Default: none. */
  readonly writerFor?: WriterFor;
  readonly signal: AbortSignal;
}

export interface DryRunOptions extends LookOptions {
  /** An empty source folder is intended. */
  readonly allowEmpty: boolean;
  readonly compare: Comparison;
  /** Called with each container that could be compared, while its session is open. */
  readonly onTarget?: ((target: OpenTarget) => Promise<void>) | undefined;
}

/**
 * What a sync would do: reads the local files, the members and what their containers hold, and compares them as a first contact does.
 * Changes nothing in the containers: no claim, no marker, no state directory.
 */
export async function dryRun(options: DryRunOptions): Promise<readonly PlannedWorkload[]> {
  const sessions = new Sessions({ ...options, writerFor: undefined, since: () => new Date().toISOString() });
  // One target writes the files that several have, as in a sync.
  const writers: DryRun["writers"] = new Map();
  await using reflectors = new ReflectorPool({ cluster: options.cluster });
  const results: PlannedWorkload[] = [];
  for (const workload of options.workloads) {
    results.push(await planWorkload(workload, { options, sessions, writers, reflectors }));
  }
  return results;
}

interface DryRun {
  readonly options: DryRunOptions;
  readonly sessions: Sessions;
  /** The target that writes, by place. */
  readonly writers: Map<string, { readonly key: string; readonly name: string }>;
  readonly reflectors: ReflectorPool;
}

async function planWorkload(workload: DryRunOptions["workloads"][number], run: DryRun): Promise<PlannedWorkload> {
  const { cluster, kinds, signal } = run.options;
  const { ref, kind, mappings, name } = workload;
  const problems: PlanProblem[] = [];
  const [resolution, local] = await Promise.all([
    resolveOnce({ cluster, reflectors: run.reflectors, ref, kind, kinds, signal }),
    readLocalFiles(mappings, run.options, problems),
  ]);
  problems.push(...resolution.problems.map(problemOf));
  const eligible: EligibleContainer[] = [];
  const others: PlannedOther[] = [];
  for (const member of resolution.members) {
    const { containers, missing } = selectFromMember(member, mappings, kind);
    eligible.push(...containers);
    for (const { reason, mapping } of missing) {
      problems.push(problemOf(new KinsyncError("KINSYNC_RESOLVE_CONTAINER", `${mapping.id}: ${reason}`)));
    }
    if (containers.length === 0) others.push({ pod: member.name, state: member.state, reason: member.reason.message });
  }
  return {
    workload: name,
    namespace: ref.namespace,
    kind: ref.resource.kind,
    notes: resolution.notes.map(({ message }) => message),
    problems,
    sources: local.snapshot.mappings.map((part) => sourceOf(part, local.unread.get(part.mapping.id))),
    targets: await planTargets(eligible, local.snapshot, workload, run),
    others,
    leftOut: (await Promise.all(local.snapshot.mappings.map((part) => leftOutOf(part, signal)))).flat(),
  };
}

/** All targets side by side. Of several with the same files, the first to answer writes them. */
async function planTargets(
  eligible: readonly EligibleContainer[],
  snapshot: Snapshot,
  { run: actions }: ResolvedWorkload,
  { options, sessions, writers }: DryRun,
): Promise<readonly PlannedTarget[]> {
  return await Promise.all(
    eligible.map(async (each) => {
      using limited = deadline(options.signal, TARGET_MS, `read pod/${each.member.name}`);
      return await planTarget({
        eligible: each,
        snapshot,
        actions,
        host: options.host,
        compare: options.compare,
        transportOf: (mapping) => sessions.transport(mapping),
        throughOf: (place, name) => {
          const writer = writers.get(place) ?? { key: each.key, name };
          writers.set(place, writer);
          return writer.key === each.key ? undefined : writer.name;
        },
        open: (mapping, signal) => sessions.open(each, mapping, [], signal),
        onTarget: options.onTarget,
        signal: limited.signal,
      });
    }),
  );
}

interface ReadFiles {
  readonly snapshot: Snapshot;
  /** Number of paths that cannot be read, by id of their mapping. */
  readonly unread: ReadonlyMap<string, number>;
}

/** The first snapshot of the local files. Files that change meanwhile get a moment to rest. */
async function readLocalFiles(
  mappings: readonly ResolvedMapping[],
  { allowEmpty, signal }: DryRunOptions,
  problems: PlanProblem[],
): Promise<ReadFiles> {
  using limited = deadline(signal, LOCAL_FILES_MS, "read the local files");
  const first = Promise.withResolvers<void>();
  let rest: NodeJS.Timeout | undefined;
  const onState = (): void => {
    if (files.problems.some(isTransient)) rest ??= setTimeout(first.resolve, UNSTABLE_MS);
    else first.resolve();
  };
  await using files: LocalFiles = new LocalFiles({
    mappings,
    createSource,
    allowEmpty,
    onState,
    onProblem: (problem) => problems.push(problemOf(asKinsyncError(problem))),
    onNote: () => undefined,
    signal: limited.signal,
  });
  try {
    await untilAborted(first.promise, limited.signal);
  } finally {
    clearTimeout(rest);
  }
  problems.push(...files.problems.filter(isTransient).map(problemOf));
  const unread = new Map(mappings.map((each) => [each.id, unreadProblems(files.problemsOf(each)).length]));
  return { snapshot: nextSnapshot(undefined, files.current ?? []), unread };
}

function sourceOf({ mapping, tree, halted }: Snapshot["mappings"][number], unread = 0): PlannedSource {
  return {
    mapping: mapping.id,
    from: mapping.fromText,
    to: mapping.to,
    entries: tree?.entries.size ?? 0,
    bytes: tree?.bytes ?? 0,
    ...(halted === undefined ? {} : { halted }),
    ...(unread === 0 ? {} : { unread }),
  };
}
