import { access, mkdir, readFile, readdir, rmdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The control groups of one node: one in each hierarchy of version 1, or one of version 2. */
export interface NodeGroups {
  readonly version: 1 | 2;
  readonly groups: readonly NodeGroup[];
  /** Files that take a process in, by `echo 0 >FILE`. */
  readonly entries: readonly string[];
}

export interface NodeGroup {
  /** Absolute path on the machine. */
  readonly path: string;
  /** The folder in /sys/fs/cgroup inside the node, and the mount option: `cpu`, `name=systemd`. Version 2: both empty. */
  readonly folder: string;
  readonly option: string;
}

interface Hierarchy {
  readonly mount: string;
  /** The hierarchy's folder that the mount shows. */
  readonly root: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The group of version 2 that holds what is no pod. */
const LEAF = "init";

/** What a kubelet asks of version 2. */
const CONTROLLERS = ["cpuset", "cpu", "io", "memory", "pids"];

/**
 * Where a node's groups are to be; nothing is made yet, so that it can be written down first.
 * Version 1: below the groups of this process. Version 2: below the root, as a group with processes of its own gives no controllers to others.
 */
export async function planGroups(name: string): Promise<NodeGroups> {
  const hierarchies = parseMounts(await readFile("/proc/self/mountinfo", "utf8"));
  const own = (await readFile("/proc/self/cgroup", "utf8")).trim().split("\n");
  const groups: NodeGroup[] = [];
  for (const line of own) {
    const [, controllers = "", ...rest] = line.split(":");
    if (controllers === "") continue;
    const wanted = controllers.split(",");
    const at = hierarchies.find(
      ({ type, options }) => type === "cgroup" && wanted.every((one) => options.includes(one)),
    );
    if (at === undefined) continue;
    const path = join(at.mount, below(at.root, rest.join(":")), name);
    groups.push({ path, folder: basename(at.mount), option: controllers });
  }
  if (groups.some(({ option }) => option.split(",").includes("memory"))) {
    return { version: 1, groups, entries: groups.map(({ path }) => join(path, "cgroup.procs")) };
  }
  for (const { mount, type } of hierarchies) {
    if (type !== "cgroup2") continue;
    const offered = await readFile(join(mount, "cgroup.controllers"), "utf8");
    if (!offered.includes("memory")) continue;
    const path = join(mount, name);
    return { version: 2, groups: [{ path, folder: "", option: "" }], entries: [join(path, LEAF, "cgroup.procs")] };
  }
  throw new Error("no control groups with a memory controller are mounted here, neither of version 1 nor of version 2");
}

/** @throws where a group of that name is there already. */
export async function makeGroups({ version, groups }: NodeGroups): Promise<void> {
  for (const { path, option } of groups) {
    const parent = join(path, "..");
    if (version === 2) await giveControllers(parent);
    await mkdir(path);
    // A group of version 1 starts without processors and memory nodes, and takes nobody in like that.
    for (const name of option.split(",").includes("cpuset") ? ["cpuset.cpus", "cpuset.mems"] : []) {
      await writeFile(join(path, name), await readFile(join(parent, name)));
    }
  }
}

/** Version 2: from now on the group's leaves hold its processes, and it gives controllers to them. A control group namespace keeps its root. */
export async function divideGroups({ version, groups }: NodeGroups): Promise<void> {
  if (version === 1) return;
  for (const { path } of groups) {
    await mkdir(join(path, LEAF));
    for (const pid of await processesIn(path)) await writeFile(join(path, LEAF, "cgroup.procs"), String(pid));
    await giveControllers(path);
  }
}

async function giveControllers(path: string): Promise<void> {
  const offered = (await readFile(join(path, "cgroup.controllers"), "utf8")).trim().split(" ");
  const given = (await readFile(join(path, "cgroup.subtree_control"), "utf8")).trim().split(" ");
  const missing = CONTROLLERS.filter((name) => offered.includes(name) && !given.includes(name));
  if (missing.length === 0) return;
  await writeFile(join(path, "cgroup.subtree_control"), missing.map((name) => `+${name}`).join(" ")).catch((cause) => {
    throw new Error(`${path} gives its controllers to no group below: it is not the machine's root group`, { cause });
  });
}

/** Kills every process in the groups and takes the groups away. No error for those that are gone. */
export async function removeGroups(paths: readonly string[], within: number): Promise<void> {
  const end = performance.now() + within;
  for (;;) {
    const left: string[] = [];
    for (const path of paths) if (!(await removeGroup(path))) left.push(path);
    if (left.length === 0) return;
    if (performance.now() > end) throw new Error(`control groups do not go away: ${left.join(", ")}`);
    await delay(50);
  }
}

/** @returns whether it is gone. */
async function removeGroup(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return true;
  for (const pid of await processesIn(path)) kill(pid);
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  await rmdir(path).catch(() => {});
  return access(path).then(
    () => false,
    () => true,
  );
}

async function processesIn(path: string): Promise<readonly number[]> {
  const text = await readFile(join(path, "cgroup.procs"), "utf8").catch(() => "");
  return text.split("\n").map(Number).filter(Boolean);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function parseMounts(mountinfo: string): readonly Hierarchy[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "", mount = ""] = before.split(" ");
    const [type = "", , options = ""] = after.split(" ");
    return type === "cgroup" || type === "cgroup2" ? [{ mount, root, type, options: options.split(",") }] : [];
  });
}

/** The path of a group as its mount shows it. */
function below(root: string, path: string): string {
  if (root === "/") return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}
