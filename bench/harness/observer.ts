import { fork } from "node:child_process";
import type { Observation, ObserverMessage, Watched } from "./observer-process.ts";
import { openExec } from "./exec-stream.ts";
import { end } from "./measured-process.ts";
import type { BenchCluster } from "./bench-cluster.ts";

/** A file of a container, below its working directory. */
export interface ContainerFile {
  readonly pod: string;
  readonly folder: string;
  readonly name: string;
  /** See `Watched`. */
  readonly block?: number;
}

/** Observes when files of containers reach a state. */
export interface Observer extends AsyncDisposable {
  /** The method, for the report. */
  readonly method: string;
  /** Whether it observes from outside the containers. */
  readonly isOutside: boolean;
  /** Waits until all files have this state. @returns the times (see `now`) when each file reached it, in the order of the files */
  until(files: readonly ContainerFile[], state: string): Promise<readonly number[]>;
}

const STATE_LIMIT_MS = 60_000;

/** Milliseconds of the clock of the observations. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Observes from outside if the containers run on this machine, else by a shell in each container that reads every few milliseconds. */
export async function createObserver(cluster: BenchCluster, files: readonly ContainerFile[]): Promise<Observer> {
  const watched: Watched[] = [];
  for (const file of files) {
    const folder = await cluster.localPath(file.pod, file.folder);
    if (folder === undefined) {
      if (!cluster.commands.hasShell) {
        throw new Error(`${cluster.image} has no shell. Run this as root on the machine of the containers.`);
      }
      return observeInside(cluster, files);
    }
    watched.push({ key: keyOf(file), folder, name: file.name, block: file.block ?? 0 });
  }
  return observeOutside(watched);
}

async function observeOutside(files: readonly Watched[]): Promise<Observer> {
  const child = fork(new URL("observer-process.ts", import.meta.url));
  const observations = new Observations();
  const watching = Promise.withResolvers<void>();
  child.on("message", (message: ObserverMessage) => {
    if (message === "watching") watching.resolve();
    else if ("error" in message) watching.reject(new Error(message.error));
    else for (const each of message) observations.add(each);
  });
  child.once("exit", () => watching.reject(new Error("the observer ended")));
  const dispose = async (): Promise<void> => {
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    await end(child);
  };
  child.send(files);
  try {
    await watching.promise;
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    isOutside: true,
    method: "inotify on the containers' folders, from outside",
    until: (files, state) => observations.until(files, state),
    [Symbol.asyncDispose]: dispose,
  };
}

async function observeInside(cluster: BenchCluster, files: readonly ContainerFile[]): Promise<Observer> {
  const observations = new Observations();
  const streams = await Promise.all(
    [...Map.groupBy(files, ({ pod }) => pod)].map(async ([pod, inside]) => {
      const reads = inside.map(({ folder, name, block = 0 }, at) => {
        const path = `${folder}/${name}`;
        const read = block === 0 ? `IFS= read -r l <${path}` : `l=$(($(wc -c <${path}) / ${block}))`;
        return `[ ! -f ${path} ] || { ${read}; [ "$l" = "$s${at}" ] || { s${at}=$l; echo "${at} $l"; }; }`;
      });
      const script = `while :; do ${reads.join("; ")}; sleep 0.003; done 2>/dev/null`;
      const stream = await openExec(cluster, pod, ["sh", "-c", script]);
      stream.onLine = (line) => {
        const timeMs = now();
        const [index = "", state = ""] = line.split(" ");
        const file = inside[Number(index)];
        if (file !== undefined) observations.add({ key: keyOf(file), state, timeMs });
      };
      return stream;
    }),
  );
  return {
    isOutside: false,
    method: "a shell in the container that reads every 3 ms, over an exec of its own: 2 to 5 ms late, with some load",
    until: (files, state) => observations.until(files, state),
    [Symbol.asyncDispose]() {
      for (const stream of streams) stream.close();
      return Promise.resolve();
    },
  };
}

function keyOf({ pod, folder, name }: ContainerFile): string {
  return `${pod} ${folder}/${name}`;
}

class Observations {
  readonly #seen = new Map<string, number>();
  #wake = Promise.withResolvers<void>();

  add({ key, state, timeMs }: Observation): void {
    const known = `${key} ${state}`;
    if (this.#seen.has(known)) return;
    this.#seen.set(known, timeMs);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async until(files: readonly ContainerFile[], state: string): Promise<readonly number[]> {
    const keys = files.map((file) => `${keyOf(file)} ${state}`);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), STATE_LIMIT_MS);
    let isLate = false;
    void late.promise.then(() => (isLate = true));
    try {
      for (;;) {
        const missing = keys.filter((key) => !this.#seen.has(key));
        if (missing.length === 0) break;
        if (isLate) throw new Error(`not observed within ${STATE_LIMIT_MS / 1000} s: ${missing.join(", ")}`);
        await Promise.race([this.#wake.promise, late.promise]);
      }
      return keys.map((key) => this.#seen.get(key) ?? Number.NaN);
    } finally {
      clearTimeout(timer);
      for (const key of keys) this.#seen.delete(key);
    }
  }
}
