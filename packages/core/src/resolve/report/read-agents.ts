import type { ClusterConnection } from "../../contract/cluster.ts";
import type { AgentChoice } from "../../contract/session.ts";
import type { Target } from "../../contract/target.ts";
import type { TransportPlugin } from "../../contract/transport.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import { hostTransport } from "../../plugins/host.ts";
import { deadline } from "../../time/deadline.ts";

/** Sessions that are opened at the same time. Each is a connection of its own, and nodes stall when many execs begin at once. */
const MAX_OPENING = 5;
const DEFAULT_LIMIT_MS = 15_000;

/** What runs in one container on kinsync's behalf, and why. */
export interface TargetAgent {
  readonly target: Target;
  /** Missing if no session could be opened. */
  readonly agent?: string;
  /** Missing where the transport has no choice. */
  readonly choice?: AgentChoice;
  /** Why no session could be opened. */
  readonly error?: KinsyncError;
}

export interface ReadAgentsOptions {
  readonly cluster: ClusterConnection;
  readonly transport: TransportPlugin;
  readonly targets: readonly Target[];
  readonly signal: AbortSignal;
  /** Milliseconds for each target. Default: 15,000. */
  readonly limitMs?: number;
}

/**
 * Opens a session with each target, reads which agent it has, and closes it. Claims nothing and writes nothing. The answers are in the
 * order of the targets. Rejects only when the signal aborts.
 */
export async function readAgents(options: ReadAgentsOptions): Promise<readonly TargetAgent[]> {
  const { targets } = options;
  const answers: TargetAgent[] = [];
  let next = 0;
  const readOn = async (): Promise<void> => {
    for (let index = next; index < targets.length; index = next) {
      next += 1;
      const target = targets[index];
      // oxlint-disable-next-line no-await-in-loop -- the number of loops limits how many sessions are opened at once
      if (target !== undefined) answers[index] = await readAgent(target, options);
    }
  };
  await Promise.all(Array.from({ length: MAX_OPENING }, readOn));
  return answers;
}

async function readAgent(target: Target, options: ReadAgentsOptions): Promise<TargetAgent> {
  const { cluster, transport, signal, limitMs = DEFAULT_LIMIT_MS } = options;
  signal.throwIfAborted();
  const name = `pod/${target.pod}, container ${target.container}`;
  using limited = deadline(signal, limitMs, `open a session with ${name}`);
  try {
    await using session = await hostTransport(transport).open(target, {
      cluster,
      runId: "read-agents",
      owner: "kinsync",
      since: new Date().toISOString(),
      signal: limited.signal,
    });
    const { agent, choice } = session.facts;
    return { target, agent, ...(choice === undefined ? {} : { choice }) };
  } catch (cause) {
    signal.throwIfAborted();
    if (isKinsyncError(cause)) return { target, error: cause };
    const message = `${name}: no session could be opened within ${limitMs} ms`;
    return { target, error: new KinsyncError("KINSYNC_TARGET_TIMEOUT", message, { cause }) };
  }
}
