import { readdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { KinsyncError } from "@kinsync/core/contract";
import { Lines, MAX_ANSWER_CHARACTERS } from "./lines.ts";
import { MAX_TIMER_MS } from "../setup/parse-duration.ts";
import { CONTROL_VERSION, type Answer, type Command, type Greeting, type Results } from "./protocol.ts";
import { isOwn, runtimeFolders } from "./runtime-folder.ts";

const CONNECT_MS = 2_000;
/** A run answers at once, but for `wait`, which has its own limit. */
const ANSWER_MS = 60_000;
const PIPES = "\\\\.\\pipe\\";

/** A connection to one run. */
export class ControlClient implements Disposable {
  readonly greeting: Greeting;
  readonly #socket: Socket;
  readonly #answers = new Map<string, (answer: Answer) => void>();
  readonly #closed = Promise.withResolvers<never>();
  #lastId = 0;

  private constructor(socket: Socket, greeting: Greeting, rest: readonly string[], lines: Lines) {
    this.#socket = socket;
    this.greeting = greeting;
    this.#closed.promise.catch(() => undefined);
    const take = (line: string): void => {
      const answer = JSON.parse(line) as Answer;
      if (answer.id !== null) this.#answers.get(String(answer.id))?.(answer);
    };
    const read = (all: () => readonly string[]): void => {
      try {
        for (const line of all()) take(line);
      } catch {
        // What follows an answer that cannot be read has no meaning: the connection ends.
        socket.destroy();
      }
    };
    read(() => rest);
    socket.on("data", (text: string) => read(() => lines.push(text)));
    socket.on("close", () => this.#closed.reject(ended()));
  }

  /** @throws `KINSYNC_CONTROL_NO_RUN` where nothing answers there */
  static async connect(address: string): Promise<ControlClient> {
    const socket = connect(address);
    socket.setEncoding("utf8");
    // Without a listener, an error would end the process; "close" follows it.
    socket.on("error", () => undefined);
    const lines = new Lines(MAX_ANSWER_CHARACTERS);
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const onData = (text: string): void => {
      const all = lines.push(text);
      if (all.length > 0) resolve(all);
    };
    const timer = setTimeout(() => reject(ended()), CONNECT_MS);
    socket.on("data", onData).once("close", () => reject(ended()));
    try {
      const [first = "", ...rest] = await promise;
      const greeting = JSON.parse(first) as Partial<Greeting>;
      if (greeting.kinsync !== "control" || greeting.version !== CONTROL_VERSION) throw ended();
      return new ControlClient(socket, greeting as Greeting, rest, lines);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
      socket.off("data", onData);
    }
  }

  /** Asks, and waits for the answer. Rejects with the run's error, with `KINSYNC_CONTROL_NO_RUN` when the run ends, or when the signal ends. */
  async ask<Name extends keyof Results>(
    command: Extract<Command, { readonly command: Name }>,
    signal: AbortSignal,
    limitMs = ANSWER_MS,
  ): Promise<Results[Name]> {
    const { promise, resolve, reject } = Promise.withResolvers<Results[Name]>();
    const id = this.#send(command, (answer) => {
      if ("result" in answer) resolve(answer.result as Results[Name]);
      else if ("error" in answer) reject(errorOf(answer.error));
    });
    const onAbort = (): void => reject(signal.reason);
    const timer = setTimeout(
      () => reject(new KinsyncError("KINSYNC_CONTROL_NO_RUN", "the run does not answer")),
      Math.min(limitMs, MAX_TIMER_MS),
    );
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      return await Promise.race([promise, this.#closed.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      this.#answers.delete(id);
    }
  }

  /** Receives the run's events until it ends, or the signal does. */
  async events(onEvent: (event: Extract<Answer, { readonly event: unknown }>["event"]) => void, signal: AbortSignal) {
    this.#send({ command: "events" }, (answer) => {
      if ("event" in answer) onEvent(answer.event);
    });
    const stopped = Promise.withResolvers<void>();
    const onAbort = (): void => stopped.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    await Promise.race([stopped.promise, this.#closed.promise.catch(() => undefined)]);
    signal.removeEventListener("abort", onAbort);
  }

  #send(command: Command, onAnswer: (answer: Answer) => void): string {
    const id = String((this.#lastId += 1));
    this.#answers.set(id, onAnswer);
    this.#socket.write(`${JSON.stringify({ ...command, id })}\n`);
    return id;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** Connects to every run of this user. Sockets of runs that were killed are removed. */
export async function connectToRuns(
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly ControlClient[]> {
  const addresses = process.platform === "win32" ? await pipes() : await sockets(env);
  const clients = await Promise.all(
    addresses.map(async (address) => {
      try {
        return await ControlClient.connect(address);
      } catch {
        await removeIfDead(address);
        return undefined;
      }
    }),
  );
  return clients.flatMap((client) => client ?? []);
}

async function sockets(env: Readonly<Record<string, string | undefined>>): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of runtimeFolders(env)) {
    // What somebody else put into a shared folder is not asked.
    if (!(await isOwn(folder))) continue;
    const names = await readdir(folder).catch(() => []);
    found.push(...names.filter((name) => /^\d+-[0-9a-f]{8}\.sock$/.test(name)).map((name) => join(folder, name)));
  }
  return found;
}

async function pipes(): Promise<readonly string[]> {
  const names = await readdir(PIPES).catch(() => []);
  return names.filter((name) => /^kinsync-\d+-[0-9a-f]{8}$/.test(name)).map((name) => `${PIPES}${name}`);
}

/** A run that is alive may be too busy to answer. */
async function removeIfDead(address: string): Promise<void> {
  const pid = Number(/(\d+)-[0-9a-f]{8}\.sock$/.exec(address)?.[1]);
  if (!Number.isSafeInteger(pid)) return;
  try {
    process.kill(pid, 0);
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (isGone) await rm(address, { force: true });
  }
}

function ended(): KinsyncError {
  return new KinsyncError("KINSYNC_CONTROL_NO_RUN", "the run of kinsync has ended");
}

function errorOf({ code, message, hint }: Extract<Answer, { readonly error: unknown }>["error"]): KinsyncError {
  return new KinsyncError(code, message, { hint });
}
