import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { execute, run } from "./command.ts";
import { listFiles } from "./file-listing.ts";
import type { FileListing } from "./file-listing.ts";

export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** `containerd://…`, as in the pod's status. */
  readonly containerId: string;
}

/** Reads the files of containers without kinsync. */
export interface ContainerFiles {
  /** Lists an absolute path, `undefined` if nothing exists there. Rejects if the container does not run. */
  list(container: ContainerRef, path: string): Promise<FileListing | undefined>;
}

/**
 * Through `/proc/PID/root` of the container's first process. Requires root on the node.
 * @param pidOf Default: by the container's ID in the process's cgroup
 */
export function filesByProcess(
  pidOf: (container: ContainerRef) => Promise<number | undefined> = pidByCgroup,
): ContainerFiles {
  const known = new Map<string, number>();
  return {
    async list(ref, path) {
      let pid = known.get(ref.containerId);
      if (pid === undefined || !(await isAlive(pid))) pid = await pidOf(ref);
      if (pid === undefined) throw new Error(`no process of pod ${ref.pod}, container ${ref.container}, runs here`);
      known.set(ref.containerId, pid);
      return listFiles(`/proc/${pid}/root${path}`);
    },
  };
}

/** False also for a process that has ended and has not been reaped yet. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

/** The oldest process of a container: the lowest PID whose cgroup path contains the container's ID. */
export async function pidByCgroup({ containerId }: Pick<ContainerRef, "containerId">): Promise<number | undefined> {
  const id = containerId.replace(/^.*:\/\//, "");
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  for (const pid of pids.toSorted((a, b) => a - b)) {
    const cgroup = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
    if (cgroup.includes(id) && (await isAlive(pid))) return pid;
  }
  return undefined;
}

/** By tar over `kubectl exec`: for clusters with nodes on other machines. Requires tar in the container. */
export function filesByKubectl(kubectl: readonly string[]): ContainerFiles {
  return {
    async list({ namespace, pod, container }, path) {
      const folder = await mkdtemp(join(tmpdir(), "kinsync-e2e-files-"));
      try {
        const archive = join(folder, "archive");
        const exec = [...kubectl, "-n", namespace, "exec", pod, "-c", container, "--"];
        const { code, stderr } = await execute([...exec, "tar", "-cf", "-", "-C", dirname(path), basename(path)], {
          stdoutFile: archive,
        });
        if (code !== 0 && /no such file|not found|can't change/i.test(stderr)) return undefined;
        if (code !== 0) throw new Error(`tar in pod ${pod} ended with exit code ${code}: ${stderr}`);
        await mkdir(join(folder, "there"));
        await run(["tar", "-xf", archive, "-C", join(folder, "there")]);
        return await listFiles(join(folder, "there", basename(path)));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
