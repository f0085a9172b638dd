import type { PulledFile, PullEntry, PullOptions } from "../../../../src/contract/pull.ts";
import type { PlantedFault } from "./fault-parts.ts";
import type { Fault } from "./local-environment.ts";
import { listOf } from "./local-pull.ts";

/** A pull that lists, chooses or takes something else. */
function pullInstead(change: (options: PullOptions, path: string) => PullOptions): Fault {
  return { session: (sound) => ({ pull: (path, options) => sound.pull(path, change(options, path)) }) };
}

/** Lists something else. */
const listInstead = (change: (entries: readonly PullEntry[], path: string) => readonly PullEntry[]): Fault =>
  pullInstead((options, path) => ({ ...options, choose: (entries) => options.choose(change(entries, path)) }));

/** Sends something else. */
const sendInstead = (change: (file: PulledFile) => PulledFile): Fault =>
  pullInstead((options) => ({ ...options, take: (file) => options.take(change(file)) }));

async function* joined(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  yield Buffer.concat(all);
}

/** By requirement of the kit about pulls: one mistake that this requirement must find. */
export const PULL_FAULTS: Readonly<Record<string, PlantedFault>> = {
  "a pull lists what is at and below a path, whatever its name, and sends the chosen files with their digests": {
    fault: "a list of lines breaks a name",
    ...listInstead((entries) =>
      entries.flatMap((entry) => entry.path.split("\n").map((path): PullEntry => ({ ...entry, path }))),
    ),
  },
  "a size that a pull states for a file is the number of its bytes": {
    fault: "a size is in blocks of 512 bytes",
    ...listInstead((entries) =>
      entries.map((entry) =>
        entry.size === undefined ? entry : { ...entry, size: Math.ceil(entry.size / 512) * 512 },
      ),
    ),
  },
  "a pull of a single file lists it with an empty path": {
    fault: "a single file has its name as its path",
    ...listInstead((entries, path) =>
      entries.map((entry) => (entry.type === "file" && entry.path === "" ? { ...entry, path: path.slice(1) } : entry)),
    ),
  },
  "a pull follows no link below the path, and reports where it leads": {
    fault: "links to folders are followed",
    ...listInstead((entries, path) =>
      entries.flatMap((entry) =>
        entry.type === "link" && entry.target === "../outside"
          ? listOf(`${path}/${entry.path}`).map((each) => ({ ...each, path: `${entry.path}/${each.path}` }))
          : [entry],
      ),
    ),
  },
  "a pull of a path that does not exist rejects with KINSYNC_PULL_PATH, and the session stays usable": {
    fault: "a path that does not exist is an empty folder",
    session: (sound) => ({
      pull: (path, options) =>
        sound.pull(path, options).catch(async () => {
          for await (const _ of options.choose([])) break;
        }),
    }),
  },
  "a pull sends only what follows the bytes that the caller has, and a file that begins with others whole": {
    fault: "the bytes that the caller has are not compared",
    ...sendInstead((file) =>
      file.request.have !== undefined && file.offset === 0 && file.request.have.size <= (file.size ?? 0)
        ? { ...file, offset: file.request.have.size }
        : file,
    ),
  },
  "a large file comes in chunks, and the next answer waits until the one before was taken": {
    fault: "a file is one chunk",
    ...sendInstead((file) => ({ ...file, chunks: joined(file.chunks) })),
  },
  "a file whose bytes the caller does not read leaves the next one whole": {
    fault: "the next answer begins with the bytes that were not read",
    session: (sound) => ({
      pull: (path, options) => {
        let left: AsyncIterable<Uint8Array> | undefined;
        const take: PullOptions["take"] = async (file) => {
          const before = left;
          let isRead = false;
          async function* chunks(): AsyncGenerator<Uint8Array> {
            isRead = true;
            if (before !== undefined) yield* before;
            yield* file.chunks;
          }
          await options.take({ ...file, chunks: chunks() });
          left = isRead ? undefined : file.chunks;
        };
        return sound.pull(path, { ...options, take });
      },
    }),
  },
  "a pull whose signal is aborted rejects with the reason, and the session stays usable": {
    fault: "a pull ignores its signal",
    ...pullInstead((options) => ({ ...options, signal: new AbortController().signal })),
  },
  "a pull rejects with what `choose` or `take` rejects with, and the session stays usable": {
    fault: "the error of the caller is replaced by an own one",
    session: (sound) => ({
      pull: (path, options) =>
        sound.pull(path, options).catch((error: unknown) => {
          throw error instanceof Error && error.message.startsWith("no room") ? new Error("pull failed") : error;
        }),
    }),
  },
};
