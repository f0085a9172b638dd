import { readFile, readdir, readlink } from "node:fs/promises";
import { basename } from "node:path";

/** Identifies a process even if its number is used again later. */
export interface ProcessMark {
  readonly pid: number;
  /** Ticks since the machine's start, as in field 22 of /proc/PID/stat. */
  readonly start: string;
}

/** @returns `undefined` if there is no such process, or it has ended and waits to be reaped */
export async function markOf(pid: number): Promise<ProcessMark | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name in parentheses may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, start] = [fields[0], fields[19]];
  return start === undefined || state === "Z" || state === "X" ? undefined : { pid, start };
}

export async function isAlive({ pid, start }: ProcessMark): Promise<boolean> {
  return (await markOf(pid))?.start === start;
}

/**
 * Whether a process has released all its resources. A killed process with several threads counts as ended when its first thread has
 * ended, but its ports are free only after the last one.
 */
export async function hasEnded(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const marks = await Promise.all(threads.map((thread) => markOf(Number(thread))));
  return marks.every((mark) => mark === undefined);
}

/** The PID namespace of a process: `pid:[4026532281]`. */
export async function pidNamespaceOf(pid: number | "self"): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/pid`).catch(() => undefined);
}

/** The oldest process of a PID namespace that runs a program. */
export async function findProgram(namespace: string, program: string): Promise<ProcessMark | undefined> {
  return oldest(async (pid) => {
    const exe = await readlink(`/proc/${pid}/exe`).catch(() => "");
    return basename(exe) === program && (await pidNamespaceOf(pid)) === namespace;
  });
}

/** The first process of a container. */
export async function findContainer(id: string): Promise<ProcessMark | undefined> {
  return oldest(async (pid) => (await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "")).includes(id));
}

async function oldest(matches: (pid: number) => Promise<boolean>): Promise<ProcessMark | undefined> {
  let found: ProcessMark | undefined;
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !(await matches(pid))) continue;
    const mark = await markOf(pid);
    if (mark === undefined) continue;
    const sooner = found === undefined ? -1 : Number(mark.start) - Number(found.start);
    if (sooner < 0 || (sooner === 0 && mark.pid < (found?.pid ?? 0))) found = mark;
  }
  return found;
}
