import type { LogEntry, Member } from "@kinsync/core";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import { problemNotes } from "../../render/problem-notes.ts";
import { readWorkload, type WorkloadReader } from "../../setup/read-workload.ts";
import type { ClusterOptions } from "../../setup/options.ts";
import { EntryFormat, jsonOf } from "./format-entry.ts";

export interface LogsOptions extends ClusterOptions {
  readonly follow: boolean;
  /** The log of the run before, of each container. */
  readonly previous: boolean;
  readonly roles: readonly string[];
  readonly container: string | undefined;
  /** Lines of each container. */
  readonly tail: number | undefined;
  readonly sinceMs: number | undefined;
}

type Print = (entry: LogEntry) => void;

/** Prints the logs of the members of a workload in one stream. Only reads. */
export async function runLogs(workload: string, options: LogsOptions, io: Io): Promise<number> {
  const format = new EntryFormat(createPaint(io.stdout, io.env, options.color));
  return await readWorkload(workload, options, io, async (reader) => {
    const { namespace } = reader.found.ref;
    const print: Print = (entry) => {
      const text = options.json ? JSON.stringify(jsonOf(entry, { workload, namespace })) : format.entry(entry);
      io.stdout.write(`${text}\n`);
    };
    return await (options.follow ? follow : once)(reader, options, io, print);
  });
}

async function once(reader: WorkloadReader, options: LogsOptions, io: Io, print: Print): Promise<number> {
  const { readLogs, resolveOnce } = await import("@kinsync/core");
  const { cluster, found } = reader;
  const { members, problems } = await resolveOnce({ ...reader, ref: found.ref, kind: found.kind, signal: io.signal });
  const [problem] = problems;
  if (problem !== undefined && members.length === 0) throw problem;
  const { roles, container, tail, sinceMs, previous } = options;
  let isEmpty = true;
  for await (const entry of readLogs({
    cluster,
    members,
    roles,
    container,
    tail,
    sinceMs,
    previous,
    signal: io.signal,
  })) {
    isEmpty = false;
    print(entry);
  }
  if (isEmpty && !members.some((member) => isRead(member, roles))) {
    io.stderr.write(`note: ${nothing(roles)}; \`kinsync tree\` shows the members and why\n`);
    return EXIT.nothing;
  }
  return EXIT.done;
}

function isRead({ state, role }: Member, roles: readonly string[]): boolean {
  const isOfRole = roles.length === 0 || (role !== undefined && roles.includes(role));
  return isOfRole && (state === "current" || state === "kept" || state === "finished");
}

function nothing(roles: readonly string[]): string {
  return roles.length === 0 ? "the workload has no member" : `the workload has no member of role ${roles.join(", ")}`;
}

async function follow(reader: WorkloadReader, options: LogsOptions, io: Io, print: Print): Promise<number> {
  const { followLogs, watchWorkload } = await import("@kinsync/core");
  const { cluster, found } = reader;
  const { roles, container, tail, sinceMs } = options;
  await using logs = followLogs({ cluster, roles, container, tail, sinceMs, signal: io.signal });
  const report = problemNotes(io);
  await using _watch = watchWorkload({
    ...reader,
    ref: found.ref,
    kind: found.kind,
    signal: io.signal,
    onResolution: ({ problems, memberCount }, changes) => {
      report(problems);
      // An answer with problems alone comes before the one with the members that exist.
      if (problems.length === 0 || memberCount > 0 || changes.length > 0) logs.update(changes);
    },
  });
  for await (const entry of logs.entries) print(entry);
  return EXIT.interrupted;
}
