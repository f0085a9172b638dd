import { posix, join } from "node:path";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { HostedSession } from "../contract/session.ts";
import type { Target } from "../contract/target.ts";
import type { TransportPlugin } from "../contract/transport.ts";
import { asKinsyncError, KinsyncError } from "../errors/error.ts";
import { hostTransport, type HostedTransport } from "../plugins/host.ts";
import type { Member } from "../resolve/resolution.ts";
import { fittingMembers, type MemberChoice } from "../resolve/select/fitting-members.ts";
import type { BackoffRange } from "../time/backoff.ts";
import { deadline } from "../time/deadline.ts";
import type { PullEvent, PullMember } from "./events.ts";
import { pullInAttempts } from "./attempts.ts";
import { folderNames } from "./folder-names.ts";

export interface PullFilesOptions extends MemberChoice {
  readonly cluster: ClusterConnection;
  readonly transport: TransportPlugin;
  /** Of the workload, as `resolveOnce` returns them. */
  readonly members: readonly Member[];
  /** In the containers: absolute, or relative to the working directory. A folder, or one file. */
  readonly path: string;
  /** Local folder; of a single file also its new name. Absolute. */
  readonly to: string;
  /** From every member that fits, each into a folder of `to` that is named by role and index. Default: from the first that fits. */
  readonly all?: boolean;
  /** Only the member with this index. Default: the lowest, or with `all`, any. */
  readonly index?: string | undefined;
  /** Name of the container. Default: the pod's default container. */
  readonly container?: string | undefined;
  /** Replace local files that differ. Default: `false`, and they are reported. */
  readonly overwrite?: boolean;
  /** Milliseconds between attempts after a lost connection. Default: 500 to 10,000. */
  readonly retry?: BackoffRange | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PullEvent) => void;
}

/** Members that are pulled from at the same time. */
const MAX_AT_ONCE = 4;
const OPEN_MS = 60_000;

/** A member that fits, and the container in it. */
interface Chosen {
  readonly target: Target;
  readonly member: Member;
}

/**
 * Copies a path of containers to this machine. Writes nothing in a container, and nothing outside of `to`, whatever the containers answer.
 * Files keep only their bytes and the executable bit. Files that are here already are not transferred again; one that was received in
 * part goes on, also within this call: a lost connection is opened again, at most five times in a row without a byte. Returns the number of
 * members that were pulled from: 0 where none fits and runs. What goes wrong with one of several members is an event `failed`. Rejects
 * with `KINSYNC_USAGE` for a path that is not pulled, and when the signal aborts.
 *
 * @example
 * const { members } = await resolveOnce({ ...workload, signal });
 * await pullFiles({ cluster, transport, members, path: "/app/results", to: "/home/ada/results", signal, onEvent: console.log });
 */
export async function pullFiles(options: PullFilesOptions): Promise<number> {
  checkPath(options.path);
  const { all = false, to, signal, onEvent } = options;
  const fitting = chosenMembers(options);
  const chosen = all ? fitting : fitting.slice(0, 1);
  const folders = all ? folderNames(chosen.map(({ member }) => member)) : [];
  const transport = hostTransport(options.transport);
  let next = 0;
  const pullOn = async (): Promise<void> => {
    for (let at = next; at < chosen.length; at = next) {
      next += 1;
      const each = chosen[at];
      if (each === undefined) return;
      const folder = folders[at];
      try {
        // oxlint-disable-next-line no-await-in-loop -- the number of loops limits how many are pulled at once
        await pullOne(each, folder === undefined ? to : join(to, folder, "/"), transport, options);
      } catch (error) {
        signal.throwIfAborted();
        const member = memberOf(each);
        onEvent({ type: "failed", member, error: asKinsyncError(error, `pod/${member.pod}`) });
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, pullOn));
  return chosen.length;
}

async function pullOne(each: Chosen, to: string, transport: HostedTransport, options: PullFilesOptions): Promise<void> {
  const { cluster, path, overwrite = false, retry, signal, onEvent } = options;
  const { target, member } = each;
  const open = async (): Promise<HostedSession> => {
    using limited = deadline(signal, OPEN_MS, `open a session with pod/${target.pod}, container ${target.container}`);
    const context = { cluster, runId: "pull", owner: "kinsync", since: new Date().toISOString(), pod: member.pod };
    return await transport.open(target, { ...context, signal: limited.signal });
  };
  await pullInAttempts({ open, member: memberOf(each), path, to, overwrite, retry, signal, onEvent });
}

function checkPath(path: string): void {
  const normal = posix.normalize(path);
  const [, first] = normal.split("/");
  const isOfKernel = normal.startsWith("/") && (first === "" || first === "proc" || first === "sys");
  if (path !== "" && !path.includes("\0") && !isOfKernel) return;
  throw new KinsyncError("KINSYNC_USAGE", `${JSON.stringify(path)} cannot be pulled`, {
    hint: "Name a folder or a file in the container, but neither `/` nor one of the kernel: `/app/results`.",
  });
}

/** The members that fit and whose container runs, best first. */
function chosenMembers({ members, role, index, container }: PullFilesOptions): readonly Chosen[] {
  return fittingMembers(members, { role, index }).flatMap((member): readonly Chosen[] => {
    const name = container ?? member.defaultContainer;
    const found = member.containers.find((each) => each.name === name);
    if (found?.runningId === undefined) return [];
    const { namespace, name: pod, uid: podUid } = member;
    return [{ member, target: { namespace, pod, podUid, container: found.name, containerId: found.runningId } }];
  });
}

function memberOf({ target, member: { role, index } }: Chosen): PullMember {
  const { namespace, pod, podUid: uid, container } = target;
  return {
    namespace,
    pod,
    uid,
    container,
    ...(role === undefined ? {} : { role }),
    ...(index === undefined ? {} : { index }),
  };
}
