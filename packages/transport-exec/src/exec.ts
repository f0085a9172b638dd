import { defineTransport, isKinsyncError, type Session, type TransportPlugin } from "@kinsync/core/contract";
import { lostError, timeoutError } from "./agent-error.ts";
import { TIERS, type Tier } from "./agents/tiers.ts";
import { findGone } from "./identity.ts";
import { ExecSession } from "./session.ts";
import { startAgent } from "./start-agent.ts";

export interface ExecOptions {
  /** What the agent may run on, best first. Default: `["python3", "perl", "node", "sh"]`. */
  readonly agents?: readonly Tier[];
  /** Milliseconds for the handshake, and for each first answer of the agent. Default: 15,000. */
  readonly openTimeout?: number;
  /**
   * Milliseconds without a sign of life while an answer is awaited; then the session is lost. Three times as long for a look at what
   * is there and for a claim, where a container may have to read or to remove much before it says a word. Default: 20,000.
   */
  readonly silence?: number;
  /** Milliseconds of idleness until the agent is asked whether it lives, and whether its roots are still its own. Default: 10,000. */
  readonly pingInterval?: number;
  /** Milliseconds for the answer to that. Default: 10,000. */
  readonly pingTimeout?: number;
}

/** WebSocket pings keep load balancers from cutting an idle connection, which some do after 60 s. */
const SOCKET_PING = 15_000;

/**
 * The transport `exec`: files into a running container over one open exec stream. A small agent, sent as text over standard
 * input, runs on what the container has: python3, perl, node, or a POSIX shell with tar. Nothing is installed.
 *
 * @example Used alone, as a library
 * ```ts
 * import { connectCluster } from "@kinsync/core/cluster";
 * import { exec } from "@kinsync/transport-exec";
 *
 * await using cluster = await connectCluster({ env: process.env, signal });
 * const target = { namespace: "default", pod: "web-0", podUid, container: "main", containerId };
 * const who = { runId: crypto.randomUUID(), owner: "ada@laptop", since: new Date().toISOString() };
 * await using session = await exec().open(target, { cluster, ...who, signal });
 * const root = { path: "/app/src", shape: "directory", key: "src" } as const;
 * await session.claim(root, { snapshot: 1, tree: "", signal });
 * const receipt = await session.commit(session.stage(batch, { signal }), { signal });
 * ```
 */
export function exec(options: ExecOptions = {}): TransportPlugin<Required<Session>> {
  const openTimeout = options.openTimeout ?? 15_000;
  return defineTransport({
    name: "exec",
    // A WebSocket is authorized as `get`; from Kubernetes 1.35 on the server asks for `create`, too.
    permissions: [
      { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
      { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
    ],
    capabilities: {
      folders: true,
      links: true,
      modes: true,
      deletes: true,
      run: true,
      inPlace: true,
      mirror: true,
      atomic: "file",
      acknowledges: "seen",
    },
    async open(target, context): Promise<Required<Session>> {
      const { cluster, signal } = context;
      let agent;
      try {
        agent = await startAgent(cluster, target, {
          tiers: options.agents ?? TIERS,
          timeout: openTimeout,
          pingInterval: SOCKET_PING,
          signal,
        });
      } catch (error) {
        signal.throwIfAborted();
        // The server's words differ by version and runtime; the pod tells whether there was anything to reach.
        const look = AbortSignal.any([signal, AbortSignal.timeout(openTimeout)]);
        const gone = await findGone(cluster, target, look).catch(() => undefined);
        throw gone ?? (isKinsyncError(error) ? error : lostError(target, messageOf(error), error));
      }
      try {
        const look = AbortSignal.any([signal, AbortSignal.timeout(openTimeout)]);
        const gone = await findGone(cluster, target, look);
        if (gone !== undefined) throw gone;
      } catch (error) {
        agent.stream.drop();
        signal.throwIfAborted();
        if (isKinsyncError(error)) throw error;
        // A connection that was kept from better times may lead nowhere by now: the next attempt takes another one.
        throw timeoutError(target, "the API server did not say whether it is still there", openTimeout);
      }
      return new ExecSession(agent, target, context, {
        silence: options.silence ?? 20_000,
        idle: options.pingInterval ?? 10_000,
        ping: options.pingTimeout ?? 10_000,
        open: openTimeout,
        socketPing: SOCKET_PING,
      });
    },
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
