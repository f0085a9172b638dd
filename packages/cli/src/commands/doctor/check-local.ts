import { readFile, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { PlannedWorkload } from "@kinsync/core/project";
import { bytes, count } from "../../render/units.ts";
import { ok, warn, type Finding } from "./finding.ts";

/** Below these, watching a larger project fails sooner or later. The usual defaults of desktops are far above. */
const MIN_WATCHES = 65_536;
const MIN_INSTANCES = 128;
/** Room for the archives of a first sync. */
const MIN_TEMPORARY_BYTES = 256 * 1024 * 1024;
/** More entries make the first scan and each full scan slow. */
const MANY_ENTRIES = 50_000;
const MANY_BYTES = 1024 * 1024 * 1024;

/** Limits of this machine: watches and room for archives. */
export async function checkMachine(): Promise<readonly Finding[]> {
  return [...(await checkWatchLimits()), ...(await checkTemporaryFolder())];
}

async function checkWatchLimits(): Promise<readonly Finding[]> {
  const watches = await readLimit("max_user_watches");
  const instances = await readLimit("max_user_instances");
  // Only Linux has these files.
  if (watches === undefined || instances === undefined) return [];
  const found: Finding[] = [];
  if (watches < MIN_WATCHES) {
    found.push(
      warn(
        "watch limits",
        `fs.inotify.max_user_watches is ${watches}; a larger folder cannot be watched`,
        "Raise it: `sudo sysctl fs.inotify.max_user_watches=524288`",
      ),
    );
  }
  if (instances < MIN_INSTANCES) {
    found.push(
      warn(
        "watch limits",
        `fs.inotify.max_user_instances is ${instances}; editors and kinsync may use them up`,
        "Raise it: `sudo sysctl fs.inotify.max_user_instances=512`",
      ),
    );
  }
  return found.length > 0 ? found : [ok("watch limits", `${watches} watches, ${instances} instances`)];
}

async function readLimit(name: string): Promise<number | undefined> {
  try {
    const value = Number((await readFile(`/proc/sys/fs/inotify/${name}`, "utf8")).trim());
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function checkTemporaryFolder(): Promise<readonly Finding[]> {
  const folder = tmpdir();
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    return free < MIN_TEMPORARY_BYTES
      ? [
          warn(
            "temporary folder",
            `${folder} has ${bytes(free)} free; archives of large changes need room there`,
            "Make room, or set TMPDIR to another folder.",
          ),
        ]
      : [ok("temporary folder", `${folder} has ${bytes(free)} free`)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [warn("temporary folder", `${folder} cannot be used: ${why}`, "Set TMPDIR to a folder that exists.")];
  }
}

/** The local files of a workload: what is mapped, how many and how large. */
export function checkLocalFiles({ sources }: PlannedWorkload): readonly Finding[] {
  return sources.map(({ mapping, from, entries, bytes: size, halted }) => {
    if (halted !== undefined) return warn("local files", `${mapping}: ${halted}`, "Check `from` and the ignore rules.");
    const what = `${from}: ${count(entries, "entry", "entries")}, ${bytes(size)}`;
    return entries > MANY_ENTRIES || size > MANY_BYTES
      ? warn(
          "local files",
          `${what}; the first sync will take long`,
          "Ignore what the container does not need: `ignore`.",
        )
      : ok("local files", what);
  });
}
