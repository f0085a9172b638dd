import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { execute, run } from "./command.ts";
import { pictureOf } from "./file-listing.ts";
import type { Picture } from "./file-listing.ts";

/** A container that is looked into. */
export interface Place {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** `containerd://…`, as in the pod's status. */
  readonly containerId: string;
}

/** Sees what containers hold by a way that is not kinsync. */
export interface Looker {
  /** For the report. */
  readonly how: string;
  /** A picture of an absolute path, `undefined` where there is nothing. Rejects where the container does not run. */
  look(place: Place, path: string): Promise<Picture | undefined>;
}

/** Through `/proc/PID/root` of the container's first process, found by the container's ID in its cgroup. Needs root, on the node. */
export function lookByProcess(pidOf: (place: Place) => Promise<number | undefined> = pidByCgroup): Looker {
  const known = new Map<string, number>();
  return {
    how: "the container's files as the machine sees them (/proc/PID/root)",
    async look(place, path) {
      let pid = known.get(place.containerId);
      if (pid === undefined || !(await isAlive(pid))) pid = await pidOf(place);
      if (pid === undefined) throw new Error(`no process of ${place.pod}, container ${place.container}, runs here`);
      known.set(place.containerId, pid);
      return pictureOf(`/proc/${pid}/root${path}`);
    },
  };
}

/** False also for one that has ended and let go of all it held, and only waits to be buried. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

/** The oldest process of a container: the lowest PID whose cgroup path names it. */
export async function pidByCgroup({ containerId }: Pick<Place, "containerId">): Promise<number | undefined> {
  const id = containerId.replace(/^.*:\/\//, "");
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  for (const pid of pids.toSorted((a, b) => a - b)) {
    const cgroup = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
    if (cgroup.includes(id) && (await isAlive(pid))) return pid;
  }
  return undefined;
}

/** By tar over `kubectl exec`: for clusters whose nodes are elsewhere. Needs tar in the container. */
export function lookByKubectl(kubectl: readonly string[]): Looker {
  return {
    how: "tar over kubectl exec",
    async look({ namespace, pod, container }, path) {
      const folder = await mkdtemp(join(tmpdir(), "kinsync-e2e-look-"));
      try {
        const archive = join(folder, "archive");
        const exec = [...kubectl, "-n", namespace, "exec", pod, "-c", container, "--"];
        const { code, stderr } = await execute([...exec, "tar", "-cf", "-", "-C", dirname(path), basename(path)], {
          stdoutFile: archive,
        });
        if (code !== 0 && /no such file|not found|can't change/i.test(stderr)) return undefined;
        if (code !== 0) throw new Error(`tar in ${pod} ended with ${code}: ${stderr}`);
        await mkdir(join(folder, "there"));
        await run(["tar", "-xf", archive, "-C", join(folder, "there")]);
        return await pictureOf(join(folder, "there", basename(path)));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
