import { asKinsyncError } from "../../errors/error.ts";
import { ReflectorPool } from "../../kube/reflector-pool.ts";
import type { HostedSession } from "../../contract/transport.ts";
import { resolveOnce } from "../../resolve/report/explain.ts";
import { selectFromMember, type EligibleContainer } from "../../resolve/select/eligible.ts";
import { channelKey } from "../../sync/target/channels.ts";
import type { LookOptions } from "../dry-run/dry-run.ts";
import type { PlanProblem } from "../dry-run/plan-types.ts";
import { problemOf } from "../dry-run/plan-target.ts";
import { Sessions } from "../sessions.ts";
import { findLeft, removeLeft, type FoundRoot } from "./clean-target.ts";
import type { CleanResult, CleanedRoot, LeftBehind } from "./clean-types.ts";

export interface CleanOptions extends LookOptions {
  /** Keep the placed files, and remove the state directories alone. */
  readonly stateOnly: boolean;
  /** Called once with everything that would be removed; nothing is removed without a yes. */
  readonly confirm: (left: readonly LeftBehind[]) => Promise<boolean>;
}

/**
 * Removes what kinsync left in the containers of the workloads: the files that its manifests list, and its state directories. Looks only
 * below mapped roots, and leaves roots alone in which another run is at work.
 */
export async function clean(options: CleanOptions): Promise<CleanResult> {
  const { cluster, kinds, signal } = options;
  const sessions = new Sessions({ ...options, writerFor: options.writerFor, since: () => new Date().toISOString() });
  const open: HostedSession[] = [];
  const problems: PlanProblem[] = [];
  try {
    await using reflectors = new ReflectorPool({ cluster });
    const eligible: EligibleContainer[] = [];
    for (const { ref, kind, mappings } of options.workloads) {
      const { members } = await resolveOnce({ cluster, reflectors, ref, kind, kinds, signal });
      eligible.push(...members.flatMap((member) => selectFromMember(member, mappings, kind).containers));
    }
    const found = (
      await Promise.all(
        eligible.map(async (each) => {
          try {
            return await lookAt(each, sessions, open, signal);
          } catch (error) {
            signal.throwIfAborted();
            const name = `pod/${each.member.name}, container ${each.container.name}`;
            problems.push(problemOf(asKinsyncError(error, name)));
            return [];
          }
        }),
      )
    ).flat();
    return { roots: await remove(onePerPlace(found), options), problems };
  } finally {
    await Promise.allSettled(open.map((session) => session[Symbol.asyncDispose]()));
  }
}

async function lookAt(
  eligible: EligibleContainer,
  sessions: Sessions,
  open: HostedSession[],
  signal: AbortSignal,
): Promise<readonly FoundRoot[]> {
  if (eligible.target === undefined) return [];
  const opened = new Map<string, HostedSession>();
  const found: FoundRoot[] = [];
  for (const mapping of eligible.mappings) {
    const key = channelKey(mapping);
    let session = opened.get(key);
    if (session === undefined) {
      session = await sessions.open(eligible, mapping, [], signal);
      opened.set(key, session);
      open.push(session);
    }
    const transport = sessions.transport(mapping);
    found.push(...(await findLeft(eligible, mapping, session, transport, signal)));
  }
  return found;
}

/** Of roots with the same bytes the one whose run wrote last. A run at work in one of them refuses all. */
function onePerPlace(found: readonly FoundRoot[]): readonly FoundRoot[] {
  const places = new Map<string, FoundRoot>();
  for (const root of found) {
    const before = places.get(root.place);
    const isBetter =
      before === undefined ||
      (before.left.problem === undefined && (root.left.problem !== undefined || (root.isWriter && !before.isWriter)));
    if (isBetter) places.set(root.place, root);
  }
  return [...places.values()];
}

async function remove(
  found: readonly FoundRoot[],
  { confirm, stateOnly, signal }: CleanOptions,
): Promise<readonly CleanedRoot[]> {
  const removable = found.filter(({ left }) => left.problem === undefined);
  const isAllowed = removable.length > 0 && (await confirm(found.map(({ left }) => left)));
  return await Promise.all(
    found.map(async (root): Promise<CleanedRoot> => {
      if (root.left.problem !== undefined) return { ...root.left, status: "failed" };
      return isAllowed ? await removeLeft(root, { stateOnly, signal }) : { ...root.left, status: "kept" };
    }),
  );
}
