import type { HostedSession } from "../contract/session.ts";
import { isKinsyncError } from "../errors/error.ts";
import { Backoff, type BackoffRange } from "../time/backoff.ts";
import { pause } from "../time/deadline.ts";
import { Pull, type PullPathOptions } from "./pull-path.ts";

export interface PullAttemptsOptions extends PullPathOptions {
  /** Opens a session for each attempt. */
  readonly open: () => Promise<Pick<HostedSession, "pull"> & AsyncDisposable>;
  /** Milliseconds between attempts. Default: 500 to 10,000. */
  readonly retry?: BackoffRange | undefined;
}

const RETRY_MS = { min: 500, max: 10_000 };
/** Attempts in a row in which nothing arrives. */
const MAX_ATTEMPTS = 5;

/**
 * Pulls one path of one container. After a lost connection it goes on from what arrived, through another session, as long as something
 * arrives now and then. A pull whose first connection fails before the list was read is not tried again.
 */
export async function pullInAttempts(options: PullAttemptsOptions): Promise<void> {
  const { open, retry = RETRY_MS, signal, member, onEvent } = options;
  const pull = new Pull(options);
  const backoff = new Backoff(retry);
  let left = MAX_ATTEMPTS;
  for (;;) {
    const before = pull.progress;
    try {
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      await using session = await open();
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      await pull.attempt(session);
      break;
    } catch (error) {
      signal.throwIfAborted();
      // A right is not granted within seconds.
      const isPassing = isKinsyncError(error) && error.retry === "retry" && error.code !== "KINSYNC_CLUSTER_FORBIDDEN";
      if (!isPassing || !pull.hasStarted) throw error;
      if (pull.progress > before) {
        left = MAX_ATTEMPTS;
        backoff.reset();
      }
      left -= 1;
      if (left === 0) throw error;
      const delay = backoff.next();
      onEvent({ type: "retry", member, error, delay });
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      await pause(delay, signal);
    }
  }
  await pull.finish();
}
