import { defineTransport, isKinsyncError, type Session, type TransportPlugin } from "@kinsync/core/contract";
import { lostError, timeoutError } from "./stream/target-error.ts";
import { placeOf } from "./place/place.ts";
import { RUNTIMES, type Runtime } from "./agent/runtimes.ts";
import { KnownContainers } from "./agent/known-containers.ts";
import { findGone } from "./session/identity.ts";
import { ExecSession } from "./session/session.ts";
import { startAgent } from "./agent/start-agent.ts";

export interface ExecOptions {
  /** Runtimes for the agent, in the order of preference. Default: `["python3", "node", "sh"]`. */
  readonly agents?: readonly Runtime[];
  /** Milliseconds for the handshake, and for each of the agent's first responses. Default: 15,000. */
  readonly openTimeout?: number;
  /**
   * Milliseconds without a sign of life while a request is open; then the session is lost. Three times as long for an inventory and for
   * a claim, because the container may read or remove many files before its first line. Default: 20,000.
   */
  readonly silence?: number;
  /** Milliseconds of idleness until kinsync checks that the agent is alive and that the roots are still its own. Default: 10,000. */
  readonly pingInterval?: number;
  /** Milliseconds for that check. Default: 10,000. */
  readonly pingTimeout?: number;
}

/** A session with an agent: it has every method but `seen`, since what it acknowledges is visible. */
export type AgentSession = Required<Omit<Session, "seen">>;

/** An agent that nobody spoke to for so long ends. kinsync pings more often. */
const AGENT_IDLE_MS = 90_000;
/** Pings that may get lost before that. */
const MISSED_PINGS = 3;
/** WebSocket pings keep load balancers from cutting an idle connection, which some do after 60 s. */
const SOCKET_PING_MS = 15_000;

/**
 * The transport `exec`: writes files into a running container over one open exec stream. A small agent, sent as text over standard
 * input, runs on what the container has: python3, node, or a POSIX shell with tar. kinsync installs nothing.
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
export function exec(options: ExecOptions = {}): TransportPlugin<AgentSession> {
  const openTimeout = options.openTimeout ?? 15_000;
  const idleMs = options.pingInterval ?? 10_000;
  const known = new KnownContainers();
  return defineTransport({
    name: "exec",
    // A WebSocket is authorized as `get`. Since Kubernetes 1.35 the server requires `create`, too.
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
      pull: true,
      inPlace: true,
      mirror: true,
      atomic: "file",
      acknowledges: "seen",
      overtaking: true,
    },
    place: placeOf,
    async open(target, context): Promise<AgentSession> {
      const { cluster, signal } = context;
      let agent;
      // Which container an exec reached is known once it has answered. The request to the API server runs while the agent starts.
      let checked: ReturnType<typeof findGone> | undefined;
      const check = (): ReturnType<typeof findGone> => {
        checked = findGone(cluster, target, AbortSignal.any([signal, AbortSignal.timeout(openTimeout)]));
        checked.catch(() => undefined);
        return checked;
      };
      try {
        agent = await startAgent(cluster, target, {
          runtimes: options.agents ?? RUNTIMES,
          timeout: openTimeout,
          pingInterval: SOCKET_PING_MS,
          idleMs: Math.max(AGENT_IDLE_MS, MISSED_PINGS * idleMs),
          known,
          root: context.roots?.[0],
          onAnswer: () => void check(),
          signal,
        });
      } catch (error) {
        signal.throwIfAborted();
        // The server's message differs by version and runtime. The pod shows whether the container still exists.
        const limit = AbortSignal.any([signal, AbortSignal.timeout(openTimeout)]);
        const gone = await findGone(cluster, target, limit).catch(() => undefined);
        throw gone ?? (isKinsyncError(error) ? error : lostError(target, messageOf(error), error));
      }
      const session = new ExecSession(agent, target, context, {
        silenceMs: options.silence ?? 20_000,
        idleMs,
        pingMs: options.pingTimeout ?? 10_000,
        openMs: openTimeout,
        socketPingMs: SOCKET_PING_MS,
      });
      try {
        // Nothing is written to a container that is not known to be the target's.
        const gone = await (checked ?? check());
        if (gone !== undefined) throw gone;
      } catch (error) {
        agent.stream.drop();
        signal.throwIfAborted();
        if (isKinsyncError(error)) throw error;
        // A reused connection may be dead by now. The next attempt opens another one.
        throw timeoutError(target, "the API server did not report whether it still exists", openTimeout);
      }
      return session;
    },
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
