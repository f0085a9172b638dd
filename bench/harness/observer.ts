import { fork } from "node:child_process";
import type { ObserverMessage, Sighting, Watched } from "./observer-process.ts";
import { openExec } from "./exec-stream.ts";
import { end } from "./process.ts";
import type { World } from "./bench-cluster.ts";

/** A file of a container, below its working directory. */
export interface Place {
  readonly pod: string;
  readonly folder: string;
  readonly name: string;
  /** See `Watched`. */
  readonly block?: number;
}

/** Tells when files of containers reached a state. */
export interface Observer extends AsyncDisposable {
  /** How: for the report. */
  readonly how: string;
  /** Whether it looks from outside of the containers. */
  readonly isOutside: boolean;
  /** Settles with the moments (see `now`) at which each of the files reached this state, in their order. */
  until(places: readonly Place[], state: string): Promise<readonly number[]>;
}

const PATIENCE = 60_000;

/** The clock of the moments. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** From outside where the containers are on this machine, else by a shell in each container that looks every few milliseconds. */
export async function createObserver(world: World, places: readonly Place[]): Promise<Observer> {
  const files: Watched[] = [];
  for (const place of places) {
    const folder = await world.outside(place.pod, place.folder);
    if (folder === undefined) {
      if (!world.inside.hasShell)
        throw new Error(`${world.image} has no shell: run this as root where the containers run`);
      return observeInside(world, places);
    }
    files.push({ key: keyOf(place), folder, name: place.name, block: place.block ?? 0 });
  }
  return observeOutside(files);
}

async function observeOutside(files: readonly Watched[]): Promise<Observer> {
  const child = fork(new URL("observer-process.ts", import.meta.url));
  const sightings = new Sightings();
  const watching = Promise.withResolvers<void>();
  child.on("message", (message: ObserverMessage) => {
    if (message === "watching") watching.resolve();
    else for (const each of message) sightings.add(each);
  });
  child.once("exit", () => watching.reject(new Error("the observer ended")));
  child.send(files);
  await watching.promise;
  return {
    isOutside: true,
    how: "inotify on the containers' folders, from outside of them",
    until: (places, state) => sightings.until(places, state),
    async [Symbol.asyncDispose]() {
      child.removeAllListeners();
      child.disconnect();
      await end(child);
    },
  };
}

async function observeInside(world: World, places: readonly Place[]): Promise<Observer> {
  const sightings = new Sightings();
  const streams = await Promise.all(
    [...Map.groupBy(places, ({ pod }) => pod)].map(async ([pod, inside]) => {
      const looks = inside.map(({ folder, name, block = 0 }, at) => {
        const path = `${folder}/${name}`;
        const look = block === 0 ? `IFS= read -r l <${path}` : `l=$(($(wc -c <${path}) / ${block}))`;
        return `[ ! -f ${path} ] || { ${look}; [ "$l" = "$s${at}" ] || { s${at}=$l; echo "${at} $l"; }; }`;
      });
      const script = `while :; do ${looks.join("; ")}; sleep 0.003; done 2>/dev/null`;
      const stream = await openExec(world, pod, ["sh", "-c", script]);
      stream.onLine = (line) => {
        const at = now();
        const [index = "", state = ""] = line.split(" ");
        const place = inside[Number(index)];
        if (place !== undefined) sightings.add({ key: keyOf(place), state, at });
      };
      return stream;
    }),
  );
  return {
    isOutside: false,
    how: "a shell in the container that looks every 3 ms, over an exec of its own: 2 to 5 ms late, and it disturbs",
    until: (all, state) => sightings.until(all, state),
    [Symbol.asyncDispose]() {
      for (const stream of streams) stream.close();
      return Promise.resolve();
    },
  };
}

function keyOf({ pod, folder, name }: Place): string {
  return `${pod} ${folder}/${name}`;
}

class Sightings {
  readonly #seen = new Map<string, number>();
  #wake = Promise.withResolvers<void>();

  add({ key, state, at }: Sighting): void {
    const known = `${key} ${state}`;
    if (this.#seen.has(known)) return;
    this.#seen.set(known, at);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async until(places: readonly Place[], state: string): Promise<readonly number[]> {
    const keys = places.map((place) => `${keyOf(place)} ${state}`);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), PATIENCE);
    let isLate = false;
    void late.promise.then(() => (isLate = true));
    try {
      for (;;) {
        const missing = keys.filter((key) => !this.#seen.has(key));
        if (missing.length === 0) break;
        if (isLate) throw new Error(`not seen within ${PATIENCE / 1000} s: ${missing.join(", ")}`);
        await Promise.race([this.#wake.promise, late.promise]);
      }
      return keys.map((key) => this.#seen.get(key) ?? Number.NaN);
    } finally {
      clearTimeout(timer);
      for (const key of keys) this.#seen.delete(key);
    }
  }
}
