import { access, mkdir, readFile, readdir, rmdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The control groups of one node: one in each hierarchy of version 1, or one of version 2. */
export interface NodeGroups {
  readonly version: 1 | 2;
  readonly groups: readonly NodeGroup[];
  /** Files by which a process enters, by `echo 0 >FILE`. */
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
  /** The mounted folder of the hierarchy. */
  readonly root: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The group of version 2 for processes that belong to no pod. */
const LEAF = "init";

/** The controllers of version 2 that a kubelet requires. */
const CONTROLLERS = ["cpuset", "cpu", "io", "memory", "pids"];

/**
 * The paths of a node's groups. Creates nothing, so that the paths can be stored first.
 * Version 1: below the groups of this process. Version 2: below the root, because a group with processes cannot delegate controllers.
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
  throw new Error(
    "this machine has no mounted control groups with a memory controller, neither version 1 nor version 2",
  );
}

/** @throws if a group of that name exists */
export async function createGroups({ version, groups }: NodeGroups): Promise<void> {
  for (const { path, option } of groups) {
    const parent = join(path, "..");
    if (version === 2) await delegateControllers(parent);
    await mkdir(path);
    // A new group of version 1 has no processors and memory nodes; no process can enter it until it has.
    for (const name of option.split(",").includes("cpuset") ? ["cpuset.cpus", "cpuset.mems"] : []) {
      await writeFile(join(path, name), await readFile(join(parent, name)));
    }
  }
}

/** Version 2: moves the group's processes to a leaf, so that it can delegate controllers. A control group namespace keeps its root. */
export async function divideGroups({ version, groups }: NodeGroups): Promise<void> {
  if (version === 1) return;
  for (const { path } of groups) {
    await mkdir(join(path, LEAF));
    for (const pid of await processesIn(path)) await writeFile(join(path, LEAF, "cgroup.procs"), String(pid));
    await delegateControllers(path);
  }
}

async function delegateControllers(path: string): Promise<void> {
  const offered = (await readFile(join(path, "cgroup.controllers"), "utf8")).trim().split(" ");
  const given = (await readFile(join(path, "cgroup.subtree_control"), "utf8")).trim().split(" ");
  const missing = CONTROLLERS.filter((name) => offered.includes(name) && !given.includes(name));
  if (missing.length === 0) return;
  await writeFile(join(path, "cgroup.subtree_control"), missing.map((name) => `+${name}`).join(" ")).catch((cause) => {
    throw new Error(`${path} cannot delegate its controllers: it is not the machine's root group`, { cause });
  });
}

/** Kills every process in the groups and removes the groups. No error for groups that do not exist. */
export async function removeGroups(paths: readonly string[], timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const left: string[] = [];
    for (const path of paths) if (!(await removeGroup(path))) left.push(path);
    if (left.length === 0) return;
    if (performance.now() > end) throw new Error(`control groups cannot be removed: ${left.join(", ")}`);
    await delay(50);
  }
}

/** @returns whether the group no longer exists */
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
    // It has ended.
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

/** The path of a group below its mount. */
function below(root: string, path: string): string {
  if (root === "/") return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}
