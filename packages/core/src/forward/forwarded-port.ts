import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ClusterConnection } from "../contract/cluster.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import type { Member } from "../resolve/resolution.ts";
import { fittingMembers } from "../resolve/select/fitting-members.ts";
import { pause } from "../time/deadline.ts";
import type { ForwardEvent } from "./events.ts";
import type { ForwardRule } from "./forward-rule.ts";
import { connectToPod } from "./pod-connection.ts";

export interface ForwardedPortOptions {
  readonly cluster: ClusterConnection;
  readonly rule: ForwardRule;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: ForwardEvent) => void;
}

/** Time between two attempts of a connection that waits for a member. */
const AGAIN_MS = 200;
/** Time without a byte from the container after which a connection ends whose local side has written its last byte. */
const LINGER_MS = 60_000;

/** One port: knows where new connections go, and carries them. */
export class ForwardedPort {
  readonly rule: ForwardRule;
  readonly #options: ForwardedPortOptions;
  #target: Member | undefined;
  /** What was reported last; `undefined`: nothing yet. */
  #reported: string | undefined;

  constructor(options: ForwardedPortOptions) {
    this.#options = options;
    this.rule = options.rule;
  }

  update(members: readonly Member[]): void {
    const fitting = fittingMembers(members, this.rule).filter(isRunning);
    const [target] = fitting;
    this.#target = target;
    const reported = `${target?.uid ?? ""} ${fitting.length > 1}`;
    if (reported === this.#reported) return;
    this.#reported = reported;
    const { onEvent, rule } = this.#options;
    onEvent({ type: "target", rule, member: target && memberOf(target), candidates: fitting.length });
  }

  /** Connects a local connection to the member that is current now, and carries its bytes to its end. */
  async carry(local: Socket): Promise<void> {
    const gone = new AbortController();
    local.once("close", () => gone.abort(new DOMException("the local connection ended", "AbortError")));
    if (local.destroyed) return;
    const signal = AbortSignal.any([this.#options.signal, gone.signal]);
    let remote: Duplex;
    try {
      remote = await this.#connect(signal);
    } catch (error) {
      if (gone.signal.aborted) return;
      throw error;
    }
    await join(local, remote, signal);
  }

  async #connect(signal: AbortSignal): Promise<Duplex> {
    const { cluster, rule, waitMs } = this.#options;
    const until = performance.now() + waitMs;
    let last: unknown;
    for (;;) {
      signal.throwIfAborted();
      const target = this.#target;
      if (target !== undefined) {
        const { namespace, name: pod } = target;
        try {
          return await connectToPod(cluster, { namespace, pod, port: rule.port }, signal);
        } catch (error) {
          // The pod was deleted a moment ago: its replacement may be there soon.
          if (!isKinsyncError(error) || error.retry === "terminal" || error.code === "KINSYNC_CLUSTER_FORBIDDEN")
            throw error;
          last = error;
        }
      }
      if (performance.now() >= until) throw last ?? noMember(rule);
      await pause(AGAIN_MS, signal);
    }
  }
}

function memberOf({ namespace, name: pod, uid, role, index }: Member) {
  return {
    namespace,
    pod,
    uid,
    ...(role === undefined ? {} : { role }),
    ...(index === undefined ? {} : { index }),
  };
}

function noMember({ port, role, index }: ForwardRule): KinsyncError {
  const which = [
    ...(role === undefined ? [] : [`of role ${role}`]),
    ...(index === undefined ? [] : [`with index ${index}`]),
  ];
  const what = ["no current member", ...which, "runs"].join(" ");
  return new KinsyncError("KINSYNC_FORWARD_REFUSED", `Port ${port} cannot be forwarded: ${what}`, {
    hint: "`kinsync tree` shows the members and why; the next connection looks again.",
  });
}

/** Carries bytes both ways until both sides have ended. Rejects with the error of the remote side. */
async function join(local: Socket, remote: Duplex, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let linger: NodeJS.Timeout | undefined;
  const finish = (): void => {
    remote.destroy();
    local.destroySoon();
    resolve();
  };
  remote.once("error", (error) => {
    local.destroy();
    reject(error);
  });
  remote.once("end", finish).once("close", finish);
  local.once("close", finish);
  // The protocol does not pass this on, and the container may still answer.
  local.once("end", () => {
    linger = setTimeout(finish, LINGER_MS);
    remote.on("data", () => linger?.refresh());
  });
  signal.addEventListener("abort", finish, { once: true });
  local.pipe(remote, { end: false });
  remote.pipe(local, { end: false });
  try {
    await promise;
  } finally {
    clearTimeout(linger);
    signal.removeEventListener("abort", finish);
  }
}

function isRunning({ containers }: Member): boolean {
  return containers.some(({ runningId }) => runningId !== undefined);
}
