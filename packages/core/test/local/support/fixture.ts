import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Source, SourceSpec, SourceState } from "../../../src/local/source.ts";
import { Scanner } from "../../../src/local/scan/scanner.ts";
import type { SourceTuning } from "../../../src/local/source-tuning.ts";
import { createSource } from "../../../src/local/watcher.ts";

/** A folder that is removed after the test. */
export async function tempFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "kinsync-watch-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files; a path that ends in `/` is an empty folder. */
export async function write(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const absolute = join(root, path);
    if (path.endsWith("/")) {
      await mkdir(absolute, { recursive: true });
    } else {
      await mkdir(dirname(absolute), { recursive: true });
      await writeFile(absolute, content);
    }
  }
}

export function specOf(from: string, changes: Partial<SourceSpec> = {}): SourceSpec {
  return { from, fileName: "mapped", ignore: [], ignoreDefaults: true, ignoreFiles: [], ...changes };
}

/** A scan without earlier records. */
export function freshScan(spec: SourceSpec): Promise<SourceState> {
  return new Scanner(spec).scan(AbortSignal.timeout(20_000));
}

/** `path` -> short text of its entry, to compare trees. */
export function listing(state: SourceState | undefined): Readonly<Record<string, string>> | string {
  if (state === undefined) return "no state yet";
  if (state.state !== "present") return state.state;
  return Object.fromEntries(
    [...state.tree.entries.values()].map((entry) => {
      if (entry.type === "file") return [entry.path, `file ${entry.mode.toString(8)} ${entry.digest.slice(0, 12)}`];
      if (entry.type === "directory") return [entry.path, `directory ${entry.mode.toString(8)}`];
      return [entry.path, `link ${entry.target}`];
    }),
  );
}

export function pathsOf(state: SourceState | undefined): readonly string[] | string {
  const entries = listing(state);
  return typeof entries === "string" ? entries : Object.keys(entries);
}

/** A source that stores all that it reported. */
export interface Watched {
  readonly source: Source;
  readonly states: readonly SourceState[];
  readonly notes: readonly string[];
  /** Waits for a state; the current one counts. Rejects after 25 s with the last one in the message. */
  readonly until: (isIt: (state: SourceState) => boolean) => Promise<SourceState>;
  /** Waits until the state equals that of a fresh scan. */
  readonly untilFresh: () => Promise<SourceState>;
  readonly untilNote: (text: string) => Promise<void>;
}

/** Watches a source, and resolves with the first state. */
export async function watched(spec: SourceSpec, tuning: SourceTuning = {}): Promise<Watched> {
  const states: SourceState[] = [];
  const notes: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    waiting.forEach((look) => look());
  };
  const stop = new AbortController();
  const source = createSource(
    spec,
    {
      signal: stop.signal,
      onState: (state) => {
        states.push(state);
        wake();
      },
      onNote: (note) => {
        notes.push(note);
        wake();
      },
    },
    tuning,
  );
  onTestFinished(async () => {
    stop.abort();
    await source[Symbol.asyncDispose]();
  });
  const waitFor = async (what: string, isIt: () => boolean): Promise<void> => {
    if (isIt()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!isIt()) return;
        waiting.delete(look);
        clearTimeout(limit);
        resolve();
      };
      const limit = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`${what}: last state ${JSON.stringify(listing(source.current))}, notes ${notes.join("; ")}`));
      }, 25_000);
      waiting.add(look);
    });
  };
  const until = async (isIt: (state: SourceState) => boolean): Promise<SourceState> => {
    await waitFor("the state did not come", () => source.current !== undefined && isIt(source.current));
    if (source.current === undefined) throw new Error("unreachable");
    return source.current;
  };
  await source.ready;
  return {
    source,
    states,
    notes,
    until,
    untilFresh: async () => {
      const fresh = JSON.stringify(listing(await freshScan(spec)));
      return until((state) => JSON.stringify(listing(state)) === fresh);
    },
    untilNote: (text) => waitFor(`note "${text}" did not come`, () => notes.some((note) => note.includes(text))),
  };
}
