import type { OpenTarget, PlannedTarget } from "@kinsync/core/project";
import { bytes } from "../../render/units.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** Milliseconds for the command that looks at a container. */
const LOOK_MS = 15_000;
const MIN_FREE_BYTES = 64 * 1024 * 1024;
const MIN_MEMORY_BYTES = 64 * 1024 * 1024;
const CLOCK_S = 5;

/**
 * Reports, one fact a line: the user, the clock, the memory limit, and for each path the nearest folder that exists, whether it can be
 * written, and the free KiB there. Only reads; every tool may be missing.
 */
function lookScript(paths: readonly string[]): string {
  const quoted = paths.map((path) => `'${path.replaceAll("'", `'\\''`)}'`).join(" ");
  return (
    `echo "u $(id -u 2>/dev/null)"; echo "t $(date +%s 2>/dev/null)"; ` +
    `for f in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do ` +
    `[ -r $f ] && { read -r m <$f; echo "m $m"; break; }; done; ` +
    `for p in ${quoted}; do d=$p; while [ ! -e "$d" ] && [ "$d" != / ]; do d=\${d%/*}; d=\${d:-/}; done; ` +
    `w=no; [ -w "$d" ] && w=yes; ` +
    // For the root user, busybox reports every folder as writable. The options of its mount decide.
    `n=0; o=; while read -r a x b c k; do case "$d/" in "\${x%/}/"*) [ \${#x} -ge $n ] && { n=\${#x}; o=$c; };; esac; done ` +
    `2>/dev/null </proc/mounts; case $o in ro|ro,*) w=no;; esac; ` +
    `echo "p $w $(df -Pk "$d" 2>/dev/null | { read -r x; read -r a b c k x && echo "$k"; }) $d"; done`
  );
}

/** What a look at an open container found. Commands run in it, and only read. @param name of the container, for people */
export async function checkContainer(
  { session, roots, signal }: OpenTarget,
  name: string,
): Promise<readonly Finding[]> {
  const { agent, choice } = session.facts;
  const why = choice === undefined ? "" : ` (${choice.reason})`;
  const found: Finding[] = [ok("agent", `${name}: ${agent}${why}`)];
  const paths = roots.map(({ to }) => to);
  const began = Date.now();
  let output: string;
  try {
    const result = await session.run(lookScript(paths), { timeout: LOOK_MS, signal });
    if (result.why !== "exited" || !result.output.includes("u ")) throw new Error(result.output.trim().slice(0, 200));
    ({ output } = result);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error && error.message !== "" ? error.message : "no answer";
    const hint = "kinsync works without a shell; commands of `run` need one, or an argv of their own.";
    return [...found, warn("container", `${name}: no shell to look with (${why})`, hint)];
  }
  const facts = output.split("\n").map((line) => line.trim());
  const valueOf = (key: string): string | undefined =>
    facts
      .find((line) => line.startsWith(`${key} `))
      ?.slice(2)
      .trim() || undefined;
  const uid = valueOf("u");
  const lines = facts.filter((line) => line.startsWith("p "));
  for (const [place, path] of paths.entries()) {
    const [, writable, free, folder] = /^p (yes|no) (\d*) (.*)$/.exec(lines[place] ?? "") ?? [];
    if (writable === undefined || folder === undefined) continue;
    found.push(
      ...checkFolder(name, {
        path,
        folder,
        isWritable: writable === "yes",
        freeKib: free ?? "",
        uid,
      }),
    );
  }
  return [...found, ...checkMemory(name, valueOf("m")), ...checkClock(name, valueOf("t"), began)];
}

interface Folder {
  readonly path: string;
  /** The nearest folder above it that exists. */
  readonly folder: string;
  readonly isWritable: boolean;
  readonly freeKib: string;
  readonly uid: string | undefined;
}

function checkFolder(name: string, { path, folder, isWritable, freeKib, uid }: Folder): readonly Finding[] {
  const who = uid === undefined ? "the container's user" : `the container's user (uid ${uid})`;
  const writable = isWritable
    ? ok("writable", `${name}: ${path}`)
    : fail(
        "writable",
        `${name}: ${who} cannot write ${folder}, which ${path} needs`,
        "Map to a folder of this user, mount a volume there, or change the image's user or readOnlyRootFilesystem.",
      );
  if (freeKib === "") return [writable];
  const free = Number(freeKib) * 1024;
  return [
    writable,
    free < MIN_FREE_BYTES
      ? warn("free space", `${name}: ${bytes(free)} free at ${path}`, "Make room there, or map to another volume.")
      : ok("free space", `${name}: ${bytes(free)} free at ${path}`),
  ];
}

function checkMemory(name: string, limit: string | undefined): readonly Finding[] {
  // cgroup 1 writes a huge number where there is no limit.
  const size = Number(limit);
  if (limit === undefined || !Number.isFinite(size) || size > Number.MAX_SAFE_INTEGER / 2) return [];
  return size < MIN_MEMORY_BYTES
    ? [
        warn(
          "memory",
          `${name}: the memory limit is ${bytes(size)}; an agent of python3 or node needs a part of it`,
          "Raise the limit, or use the agent sh.",
        ),
      ]
    : [ok("memory", `${name}: limit ${bytes(size)}`)];
}

function checkClock(name: string, seconds: string | undefined, began: number): readonly Finding[] {
  const there = Number(seconds);
  if (seconds === undefined || !Number.isFinite(there)) return [];
  const now = Date.now();
  const early = Math.max(0, began / 1000 - there - 1);
  const late = Math.max(0, there - now / 1000 - 1);
  const difference = Math.round(Math.max(early, late));
  return difference > CLOCK_S
    ? [
        warn(
          "clock",
          `${name}: its clock differs by ${difference} s from this machine's`,
          "Synchronize the clocks: build tools compare the times of files.",
        ),
      ]
    : [];
}

/** What the plan says of a target: whether it runs, can be read, and would be written. */
export function checkTarget({ status, reason, problem, roots }: PlannedTarget, name: string): readonly Finding[] {
  if (status === "waiting") {
    return [warn("container", `${name} does not run: ${reason ?? ""}`, "See `kubectl describe pod` for the cause.")];
  }
  if (problem !== undefined) return [fail("session", `${problem.code}: ${problem.message}`, problem.hint)];
  return roots.flatMap(({ problem: why, needsConsent, through, to }) => {
    if (why !== undefined) return [fail("files", `${why.code}: ${why.message}`, why.hint)];
    if (through !== undefined) return [ok("shared volume", `${name}: ${to} is written through ${through}`)];
    return needsConsent.length === 0
      ? []
      : [
          warn(
            "files",
            `${name}: a sync would delete ${needsConsent.length} paths in ${to} that it did not create`,
            "See `kinsync plan`. To delete them, pass --allow-deletes.",
          ),
        ];
  });
}
