import type { Socket } from "node:net";
import { untilAborted } from "../../time/deadline.ts";

/** A connection that was open sooner shows that the server is near: there is nothing to save. */
const FAR_MS = 20;
/** How long a connection waits for its use. */
const WAIT_MS = 5_000;
/** For the watches, and for the first members: each begins with a WebSocket and a request at the same time. */
const MAX_COUNT = 12;

interface Ahead {
  readonly opening: Promise<Socket>;
  timer?: NodeJS.Timeout;
}

/** Connections that are opened before they are needed, where the server is so far away that this saves time. */
export class ConnectionsAhead {
  readonly #open: () => Promise<Socket>;
  /** The oldest first. One that fails or is closed leaves. */
  readonly #waiting = new Set<Ahead>();
  #isExpected = false;
  #fastestMs: number | undefined;

  constructor(open: () => Promise<Socket>) {
    this.#open = open;
  }

  /** Some are needed soon. They are opened as soon as a connection has shown how far the server is. */
  fill(): void {
    if (this.#fastestMs === undefined) this.#isExpected = true;
    else if (this.#fastestMs >= FAR_MS) while (this.#waiting.size < MAX_COUNT) this.#add();
  }

  /** A connection was open after so many milliseconds. */
  note(ms: number): void {
    this.#fastestMs = Math.min(this.#fastestMs ?? Infinity, ms);
    if (!this.#isExpected) return;
    this.#isExpected = false;
    this.fill();
  }

  /** The next one, also while it is being opened, with its failure; `undefined` if there is none. */
  async take(signal: AbortSignal): Promise<Socket | undefined> {
    const [ahead] = this.#waiting;
    if (ahead === undefined) return undefined;
    this.#remove(ahead);
    try {
      return await untilAborted(ahead.opening, signal);
    } catch (error) {
      close(ahead);
      throw error;
    }
  }

  /** Closes those that nobody uses. */
  drop(): void {
    for (const ahead of this.#waiting) {
      this.#remove(ahead);
      close(ahead);
    }
  }

  #add(): void {
    const ahead: Ahead = { opening: this.#open() };
    this.#waiting.add(ahead);
    ahead.timer = setTimeout(() => {
      this.#remove(ahead);
      close(ahead);
    }, WAIT_MS);
    ahead.timer.unref();
    const remove = (): void => this.#remove(ahead);
    ahead.opening.then((socket) => socket.once("close", remove), remove);
  }

  #remove(ahead: Ahead): void {
    clearTimeout(ahead.timer);
    this.#waiting.delete(ahead);
  }
}

function close({ opening }: Ahead): void {
  opening.then(
    (socket) => socket.destroy(),
    () => undefined,
  );
}
