import {
  isKinsyncError,
  KinsyncError,
  targetKey,
  type ClusterConnection,
  type OpenContext,
  type Pod,
  type SessionEnd,
  type Target,
  type TransportPlugin,
} from "@kinsync/core/contract";
import type { AgentSession } from "@kinsync/transport-exec";
import { pathIn, writerIn, type ClaimWriter } from "./claim-path.ts";
import type { VolumeOptions } from "./options.ts";
import { idOf, listPods, nameOf, readPod } from "./read-pod.ts";

/** A member that asks for a session. */
export interface Member {
  readonly target: Target;
  readonly pod: Pod;
  readonly context: OpenContext;
  readonly options: VolumeOptions;
}

/** One open session into a pod that mounts a claim, for all members that share it. */
export interface Writer {
  readonly session: AgentSession;
  /** The container that writes. */
  readonly target: Target;
  readonly place: ClaimWriter;
  /** Which member's session owns each mapped root, by the key of the root. */
  readonly owners: Map<string, object>;
}

interface Shared {
  readonly opening: Promise<Writer>;
  readonly stop: AbortController;
  users: number;
}

/** Where a member can be written, if another one's container cannot. */
interface Candidate {
  readonly target: Target;
  readonly place: ClaimWriter;
}

/** The writing pods of all claims of a run. */
export class Writers {
  readonly #transport: TransportPlugin<AgentSession>;
  readonly #shared = new Map<string, Shared>();
  /** Members that asked for a claim, in the order in which they did. */
  readonly #candidates = new Map<string, Map<string, Candidate>>();
  readonly #clusters = new WeakMap<ClusterConnection, number>();
  #clusterCount = 0;

  constructor(transport: TransportPlugin<AgentSession>) {
    this.#transport = transport;
  }

  /**
   * The session that writes a claim: the open one, or a new one. Each call is followed by one of `leave`, also where it rejects.
   * @returns the key to leave it by, at once
   */
  join(member: Member, claim: string): { readonly key: string; readonly writer: Promise<Writer> } {
    const key = this.#keyOf(member, claim);
    this.#remember(key, member, claim);
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      const stop = new AbortController();
      const opening = this.#open(key, member, claim, stop.signal);
      shared = { opening, stop, users: 0 };
      this.#shared.set(key, shared);
      const own = shared;
      const forget = (): void => {
        if (this.#shared.get(key) === own) this.#shared.delete(key);
      };
      opening.then(({ session }) => session.ended.then(forget), forget);
    }
    shared.users += 1;
    return { key, writer: shared.opening };
  }

  /** Ends the use of a session. The last one closes it. */
  async leave(key: string, member: Member, writer: Promise<Writer>): Promise<void> {
    this.#candidates.get(key)?.delete(targetKey(member.target));
    if (this.#candidates.get(key)?.size === 0) this.#candidates.delete(key);
    const shared = [...this.#shared.values()].find(({ opening }) => opening === writer);
    if (shared !== undefined) {
      shared.users -= 1;
      if (shared.users > 0) return;
      this.#shared.delete(key);
      shared.stop.abort(new DOMException("no member needs the session", "AbortError"));
    }
    const opened = await writer.catch(() => undefined);
    await opened?.session[Symbol.asyncDispose]();
  }

  /** Equal for members that can share a session: markers name one run, with one start. */
  #keyOf({ target, context, options }: Member, claim: string): string {
    const { cluster, runId, owner, since } = context;
    let number = this.#clusters.get(cluster);
    if (number === undefined) this.#clusters.set(cluster, (number = this.#clusterCount += 1));
    return JSON.stringify([number, target.namespace, claim, runId, owner, since, options]);
  }

  #remember(key: string, { target, pod }: Member, claim: string): void {
    const place = writerIn(pod, claim, target.container) ?? writerIn(pod, claim);
    if (place === undefined) return;
    const known = this.#candidates.get(key) ?? new Map<string, Candidate>();
    this.#candidates.set(key, known);
    const id = idOf(pod, place.container);
    if (id === undefined) return;
    known.set(targetKey(target), { target: { ...target, container: place.container, containerId: id }, place });
  }

  async #open(key: string, member: Member, claim: string, signal: AbortSignal): Promise<Writer> {
    const { pod, selector } = member.options;
    const named = pod !== undefined || selector !== undefined;
    const candidates = named
      ? await namedPods(member, claim, signal)
      : [...(this.#candidates.get(key)?.values() ?? [])];
    let failure: unknown;
    for (const { target, place } of candidates) {
      try {
        const { cluster, runId, owner, since, host } = member.context;
        const from = host === undefined ? {} : { host };
        const session = await this.#transport.open(target, { cluster, runId, owner, since, ...from, signal });
        return { session, target, place, owners: new Map() };
      } catch (error) {
        signal.throwIfAborted();
        failure ??= error;
      }
    }
    throw noWriter(member, claim, failure);
  }
}

/** The containers of the pods that the user names, which mount the claim, may write it, and run. */
async function namedPods(
  { target, context, options }: Member,
  claim: string,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const { namespace } = target;
  const { pod: name, selector = "", container } = options;
  const found = name === undefined ? undefined : await readPod(context.cluster, namespace, name, signal);
  const pods =
    name === undefined
      ? await listPods(context.cluster, namespace, selector, signal)
      : found === undefined
        ? []
        : [found];
  return pods.flatMap((pod): readonly Candidate[] => {
    const place = writerIn(pod, claim, container);
    const containerId = place && idOf(pod, place.container);
    if (place === undefined || containerId === undefined || pod.metadata.deletionTimestamp !== undefined) return [];
    const { name: podName, uid: podUid } = pod.metadata;
    return [{ target: { namespace, pod: podName, podUid, container: place.container, containerId }, place }];
  });
}

/** Nobody can write the claim now. Another pod may start that can. */
function noWriter({ target, options }: Member, claim: string, cause: unknown): KinsyncError {
  const { pod, selector } = options;
  const who =
    pod === undefined && selector === undefined
      ? "no member that mounts it can write it"
      : `${pod === undefined ? `no pod of ${selector}` : `pod/${pod}`} mounts it, runs and can write it`;
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  const isForbidden = isKinsyncError(cause) && cause.code === "KINSYNC_CLUSTER_FORBIDDEN";
  return new KinsyncError(
    isForbidden ? "KINSYNC_CLUSTER_FORBIDDEN" : "KINSYNC_TRANSPORT_CANNOT",
    `${nameOf(target)}: claim ${claim}: ${who}${why}`,
    {
      hint: "Name a pod that mounts the claim and has a shell: transport: [volume, { pod: NAME }]",
      retry: "retry",
      cause,
      details: { code: "VOLUME_NO_WRITER", claim },
    },
  );
}

/** The path at which the writer has a folder of the claim. */
export function pathOfWriter({ place, target }: Pick<Writer, "place" | "target">, path: string): string {
  const found = pathIn(place, path);
  if (found !== undefined) return found;
  const mounts = place.mounts.map((mount) => mount.path).join(", ");
  throw new KinsyncError(
    "KINSYNC_TRANSPORT_CANNOT",
    `${nameOf(target)} writes the claim, but mounts only ${mounts} of it, and not ${path}`,
    { hint: "Name a pod that mounts the whole claim.", details: { code: "VOLUME_NOT_IN_WRITER" } },
  );
}

/** How a member's session ends when the session of the writing pod does. */
export function endOf(end: SessionEnd, isOwn: boolean): SessionEnd {
  return end.why === "gone" && !isOwn ? { ...end, why: "lost" } : end;
}
