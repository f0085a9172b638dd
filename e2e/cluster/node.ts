import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { run } from "../harness/command.ts";
import { divideGroups, createGroups } from "./cgroups.ts";
import type { NodeGroups } from "./cgroups.ts";
import { pidNamespaceOf, markOf } from "./processes.ts";
import type { NodeState } from "./state.ts";

/** PATH of every program in a node, whatever the caller's is. */
export const NODE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Kernel settings that a kubelet checks; bound over /proc/sys, without changing the machine. */
const SYSCTLS = {
  "vm/overcommit_memory": 1,
  "vm/panic_on_oom": 0,
  "kernel/panic": 10,
  "kernel/panic_on_oops": 1,
};

/** Time limit for the setup of a node. */
const NODE_LIMIT_MS = 60_000;

export interface NodePlan {
  readonly name: string;
  readonly groups: NodeGroups;
  /** The program that becomes its first process. */
  readonly wait: string;
  readonly logs: string;
}

/**
 * Creates a node: mount, PID, network, host name, IPC and control group namespaces around one process.
 * The end of that process ends the node. /run and changes below /var are its own; all other files are the machine's.
 */
export async function startNode({ name, groups, wait, logs }: NodePlan): Promise<NonNullable<NodeState["init"]>> {
  await createGroups(groups);
  const log = await open(join(logs, `${name}-node.log`), "a");
  try {
    const namespaces = ["--kill-child", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc", "--cgroup"];
    const unshare = ["unshare", ...namespaces, "--", "/bin/sh", "-euc", nodeScript(name, groups), "sh", wait];
    // The root of a control group namespace is the group of the process that creates it.
    const entries = groups.groups.map(({ path }) => join(path, "cgroup.procs"));
    const options = { detached: true, env: { PATH: NODE_PATH } } as const;
    const child = spawn("/bin/sh", ["-euc", `${enter(entries)}\nexec "$@"`, "sh", ...unshare], {
      ...options,
      stdio: ["ignore", "pipe", log.fd],
    });
    child.unref();
    const lines: string[] = [];
    const output = child.stdout;
    if (output === null) throw new Error("the output of a node is not a pipe");
    const limit = AbortSignal.timeout(NODE_LIMIT_MS);
    // It prints "ready" just before it becomes the waiting program; if it fails, its output ends early.
    for await (const line of createInterface({ input: output, signal: limit })) {
      lines.push(line);
      if (line === "ready") break;
    }
    output.destroy();
    const pid = Number(lines[0]);
    const [state, namespace] = await Promise.all([markOf(pid), pidNamespaceOf(pid)]);
    if (!lines.includes("ready") || state === undefined || namespace === undefined) {
      throw new Error(`node ${name} did not start: see ${join(logs, `${name}-node.log`)}`);
    }
    await divideGroups(groups);
    return { pid, start: state.start, namespace };
  } finally {
    await log.close();
  }
}

/** The machine's command that runs `argv` in a node. */
export function nodeCommand({ groups, init }: NodeState, argv: readonly string[], cwd = "/"): readonly string[] {
  if (init === undefined) throw new Error("the node is not started");
  const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"];
  const nsenter = ["nsenter", `--target=${init.pid}`, ...namespaces, `--wdns=${cwd}`, "--", ...argv];
  return ["/bin/sh", "-euc", `${enter(groups.entries)}\nexec "$@"`, "sh", ...nsenter];
}

/**
 * Connects the nodes to each other, and the first one to the machine: by a bridge in the first node, which ends with it.
 * @param link name of the machine's end, at most 15 bytes
 */
export async function connectNodes(nodes: readonly NodeState[], subnet: number, link: string): Promise<void> {
  const [first, ...others] = nodes.map(({ init, ...node }) => ({ ...node, pid: init?.pid ?? 0 }));
  if (first === undefined) return;
  const inside = (pid: number, script: string) =>
    run(["nsenter", `--target=${pid}`, "--net", "--", "/bin/sh", "-euc", script], { timeoutMs: NODE_LIMIT_MS });
  await run(["ip", "link", "add", link, "type", "veth", "peer", "name", "machine", "netns", String(first.pid)]);
  await inside(
    first.pid,
    `ip link add nodes type bridge
    ip link set machine master nodes up
    ip address add ${first.address}/24 dev nodes
    ip link set nodes up`,
  );
  await run(["ip", "address", "add", `10.99.${subnet}.254/24`, "dev", link]);
  await run(["ip", "link", "set", link, "up"]);
  for (const { pid, name, address, number } of others) {
    await inside(
      first.pid,
      `ip link add ${name} type veth peer name nodes netns ${pid}
      ip link set ${name} master nodes up
      ip route add 10.244.${number}.0/24 via ${address}`,
    );
    const routes = nodes.filter((other) => other.name !== name);
    await inside(
      pid,
      `ip address add ${address}/24 dev nodes
      ip link set nodes up
      ${routes.map((other) => `ip route add 10.244.${other.number}.0/24 via ${other.address}`).join("\n")}`,
    );
  }
}

/** Moves a shell to control groups. */
function enter(entries: readonly string[]): string {
  return entries.map((path) => `echo 0 >'${path}'`).join("\n");
}

/** The script of the node's first process, which then becomes the waiting program. */
function nodeScript(name: string, { version, groups }: NodeGroups): string {
  const hierarchies = groups.map(
    ({ folder, option }) => `mkdir /sys/fs/cgroup/${folder}
    mount -t cgroup -o ${option.startsWith("name=") ? `none,${option}` : option} cgroup /sys/fs/cgroup/${folder}
    ${option
      .split(",")
      .filter((controller) => option.includes(",") && controller !== folder)
      .map((controller) => `ln -s ${folder} /sys/fs/cgroup/${controller}`)
      .join("\n")}`,
  );
  const sysctls = Object.entries(SYSCTLS).map(
    ([path, value], index) => `echo ${value} >/run/sysctl-${index}
    mount --bind /run/sysctl-${index} /proc/sys/${path}`,
  );
  // /proc is still the machine's, and so is the PID.
  return `
    read -r pid rest </proc/self/stat
    echo "$pid"
    cd /
    mount --make-rprivate /
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    ${
      version === 2
        ? "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
        : `mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup\n${hierarchies.join("\n")}`
    }
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir /run/var /run/var/upper /run/var/work
    mount -t overlay -o lowerdir=/var,upperdir=/run/var/upper,workdir=/run/var/work overlay /var
    mount --make-rshared /
    ${sysctls.join("\n")}
    hostname ${name}
    ip link set lo up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo ready
    exec "$1" >/dev/null`;
}
