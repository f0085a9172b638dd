import { basename, posix } from "node:path";
import type { ModePolicy } from "../../sync/plan/modes.ts";
import type { BatchEntry, HostedSession, Inventory } from "../../contract/transport.ts";
import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import { resolveIn } from "../../mapping/container-path.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { unsupportedError, unsupportedInTree } from "../../mapping/unsupported.ts";
import type { HostedTransport } from "../../plugins/host.ts";
import type { EligibleContainer } from "../../resolve/select/eligible.ts";
import { actionsDue, commandText } from "../../sync/actions/due.ts";
import { Ledger } from "../../sync/plan/ledger.ts";
import { channelKey } from "../../sync/target/channels.ts";
import { conflictError } from "../../sync/target/deliver.ts";
import { deletesOf, deletesOfPlan } from "../../sync/target/deletes.ts";
import { planScope, type DesiredRoot } from "../../sync/target/desired-state.ts";
import { isFromElsewhere, readRoot, withPlaced } from "../../sync/target/read-root.ts";
import { refuseSystemFolder } from "../../sync/target/refused-root.ts";
import { withTreeInPlace } from "../../sync/target/released.ts";
import { projectSnapshot } from "../desired.ts";
import { locateRoot } from "../places/locate.ts";
import type { Snapshot } from "../snapshot.ts";
import type { OpenTarget, PlannedEntry, PlannedRoot, PlannedTarget, PlanProblem } from "./plan-types.ts";

/**
 * What of a container is read. `plan`: what a first sync reads, by each mapping's `initial`; `files`: the digest of every file, whatever
 * `initial` says; `markers`: only which run wrote there last.
 */
export type Comparison = "plan" | "files" | "markers";

export interface PlanTargetOptions {
  readonly eligible: EligibleContainer;
  readonly snapshot: Snapshot;
  readonly actions: readonly ResolvedAction[];
  /** Name of this machine; `undefined`: not known. */
  readonly host: string | undefined;
  readonly compare: Comparison;
  readonly transportOf: (mapping: ResolvedMapping) => HostedTransport;
  /** Opens a session, which the caller of this function closes. */
  readonly open: (mapping: ResolvedMapping, signal: AbortSignal) => Promise<HostedSession>;
  /** The other target that writes the files at this place; `undefined` if this one does. */
  readonly throughOf: (place: string, target: string) => string | undefined;
  readonly onTarget: ((target: OpenTarget) => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

/** Compares one running container with its desired state, as a first contact does, and claims and writes nothing. */
export async function planTarget(options: PlanTargetOptions): Promise<PlannedTarget> {
  const { eligible, snapshot, actions, open, signal } = options;
  const { member, container, mappings, target } = eligible;
  const names = {
    pod: member.name,
    uid: member.uid,
    container: container.name,
    ...(member.role === undefined ? {} : { role: member.role }),
    ...(member.index === undefined ? {} : { index: member.index }),
  };
  if (target === undefined) {
    const reason = container.waiting ?? "the container does not run";
    return { ...names, status: "waiting", reason, roots: [], commands: [] };
  }
  const sessions = new Map<string, HostedSession>();
  try {
    const [first] = mappings;
    for (const mapping of mappings) {
      const key = channelKey(mapping);
      if (!sessions.has(key)) sessions.set(key, await open(mapping, signal));
    }
    const main = first === undefined ? undefined : sessions.get(channelKey(first));
    const facts = main?.facts;
    const { state, layout } = projectSnapshot(snapshot, { mappings, workingDirectory: facts?.workingDirectory });
    if (state.conflict !== undefined) throw state.conflict;
    const roots: PlannedRoot[] = [];
    const changed = new Set<string>();
    for (const root of state.roots) {
      const session = sessions.get(channelKey(root.mapping));
      const path = layout.find(({ part }) => part.mapping.id === root.mapping.id)?.path;
      if (session === undefined || path === undefined) continue;
      const transport = options.transportOf(root.mapping);
      const place = locateRoot(target, path, session.facts.workingDirectory, (spec) =>
        transport.place(target, spec, { pod: member.pod }),
      );
      const name = `pod/${member.name}, container ${container.name}`;
      const through = options.throughOf(`${place.volume}:${place.path}`, name);
      const planned = await planRootOf(root, session, transport, {
        name,
        through,
        host: options.host,
        compare: options.compare,
        signal,
      });
      const isObject = transport.capabilities.writesApi.length > 0 && !place.isOwn;
      roots.push(isObject ? { ...planned.root, changesObject: place.volume } : planned.root);
      for (const each of planned.changed) changed.add(each);
    }
    if (main !== undefined) await options.onTarget?.({ member, container, session: main, roots, signal });
    const isBlocked = roots.some(({ problem }) => problem !== undefined);
    return {
      ...names,
      status: isBlocked ? "failed" : "planned",
      ...(facts === undefined ? {} : { agent: facts.agent }),
      roots,
      commands: [...actionsDue(actions, member, changed).keys()].map(({ command }) => commandText(command)),
    };
  } catch (error) {
    signal.throwIfAborted();
    const problem = problemOf(asKinsyncError(error, `pod/${member.name}, container ${container.name}`));
    return { ...names, status: "failed", reason: problem.message, problem, roots: [], commands: [] };
  } finally {
    await Promise.allSettled([...sessions.values()].map((session) => session[Symbol.asyncDispose]()));
  }
}

export function problemOf({ code, message, hint }: KinsyncError): PlanProblem {
  return { code, message, hint };
}

interface RootContext {
  /** `pod/NAME, container NAME`. */
  readonly name: string;
  /** Another target with the same files, which writes this root. */
  readonly through: string | undefined;
  readonly host: string | undefined;
  readonly compare: Comparison;
  readonly signal: AbortSignal;
}

async function markerOf(
  session: HostedSession,
  { spec }: DesiredRoot,
  signal: AbortSignal,
): Promise<Partial<PlannedRoot>> {
  const { marker } = await session.inventory(spec, { paths: [], signal });
  return marker === undefined ? {} : { marker: withTreeInPlace(marker) };
}

async function planRootOf(
  root: DesiredRoot,
  session: HostedSession,
  { name: transport, capabilities }: HostedTransport,
  { name, through, host, compare, signal }: RootContext,
): Promise<{ readonly root: PlannedRoot; readonly changed: readonly string[] }> {
  const { mapping, spec, tree } = root;
  const folder = resolveIn(session.facts.workingDirectory, spec.path);
  const to = spec.shape === "file" ? posix.join(folder, spec.fileName ?? "") : folder;
  const base = { mapping: mapping.id, from: mapping.fromText, to, tree: tree.digest };
  const nothing = { ...base, written: [], deleted: [], bytes: 0, needsConsent: [] };
  if (through !== undefined) return { root: { ...nothing, through }, changed: [] };
  if (compare === "markers") return { root: { ...nothing, ...(await markerOf(session, root, signal)) }, changed: [] };
  if (compare === "plan" && mapping.initial === "trust") return { root: { ...nothing, isTrusted: true }, changed: [] };
  try {
    const missing = unsupportedInTree(tree, capabilities);
    if (missing.length > 0) throw unsupportedError(transport, mapping.id, missing);
    refuseSystemFolder(root, session.facts, name);
    const modes: ModePolicy = capabilities.modes ? mapping.modes : "ignored";
    const inventory = await withPlaced(session, root, await readRoot(session, root, signal), signal);
    const distrust = compare === "plan" && mapping.initial === "full";
    const plan = Ledger.fromInventory(inventory, tree, { distrust, modes }).plan(tree, planScope(root));
    if (plan.conflicts.length > 0) throw conflictError({ root, target: name }, plan.conflicts);
    const entries = plan.entries.map((entry) => plannedEntry(entry, folder));
    const written = entries.filter(({ op }) => op !== "delete");
    const { paths, origin } = consentOf(plan, inventory, root, host);
    return {
      root: {
        ...base,
        ...(inventory.marker === undefined ? {} : { marker: withTreeInPlace(inventory.marker) }),
        written,
        deleted: entries.filter(({ op }) => op === "delete"),
        bytes: written.reduce((sum, entry) => sum + entry.bytes, 0),
        needsConsent: paths.map((path) => posix.join(folder, path)),
        ...(origin === undefined ? {} : { origin }),
      },
      changed: [
        ...plan.entries.map(({ path }) => (spec.shape === "file" ? basename(mapping.from) : path)),
        // Commands that failed in an earlier run are due again.
        ...(inventory.marker?.owed ?? []),
      ],
    };
  } catch (error) {
    signal.throwIfAborted();
    const problem = problemOf(asKinsyncError(error, name));
    return { root: { ...nothing, problem }, changed: [] };
  }
}

/** The deletes that need consent: of a run from another folder all, else those of files that kinsync did not create. */
function consentOf(
  plan: ReturnType<Ledger["plan"]>,
  inventory: Inventory,
  root: DesiredRoot,
  host: string | undefined,
) {
  const origin = inventory.marker?.origin;
  const elsewhere = isFromElsewhere(origin, host, root) ? origin : undefined;
  return elsewhere === undefined ? deletesOf(plan.foreign, undefined) : deletesOfPlan(plan, inventory, elsewhere);
}

function plannedEntry(entry: BatchEntry, folder: string): PlannedEntry {
  const replaces = "replaces" in entry ? entry.replaces : undefined;
  return {
    op: entry.op,
    path: posix.join(folder, entry.path),
    bytes: entry.op === "file" ? entry.size : 0,
    ...(replaces === undefined ? {} : { replaces }),
  };
}
