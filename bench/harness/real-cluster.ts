import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { connectCluster } from "@kinsync/core/cluster";
import { run } from "../../e2e/harness/command.ts";
import type { BenchCluster, BenchClusterOptions } from "./bench-cluster.ts";
import { commandsFor } from "./container-commands.ts";
import { findKubectl, groupManifest, groupName, untilRunning, versionOf } from "./groups.ts";

/** A namespace of its own on the cluster of a kubeconfig. */
export async function openRealCluster(options: BenchClusterOptions, kubeconfig: string): Promise<BenchCluster> {
  const chosen = options.context === undefined ? {} : { context: options.context };
  const connection = await connectCluster({ env: process.env, kubeconfig, ...chosen });
  const flags = ["--kubeconfig", kubeconfig, "--context", connection.context];
  const kubectl = await findKubectl(flags);
  if (kubectl === undefined) throw new Error("kubectl, which creates the pods on a cluster, is not in PATH");
  const namespace = `kinsync-bench-${randomBytes(3).toString("hex")}`;
  await run([...kubectl, "create", "namespace", namespace]);
  const [file, ...args] = kubectl;
  const inNamespace: NonNullable<BenchCluster["kubectl"]> = [file, ...args, "--namespace", namespace];
  const version = await versionOf(connection);
  const image = options.image ?? "localhost/busybox:1";
  const pids = new Map<string, number>();
  return {
    title: `Kubernetes ${version}, image ${image}`,
    version,
    image,
    commands: commandsFor(image),
    form: options.form,
    kubeconfig,
    context: connection.context,
    namespace,
    connection,
    kubectl: inNamespace,
    async createGroup(size) {
      const name = groupName(size);
      const input = groupManifest(name, size, image, options.command);
      await run([...inNamespace, "create", "-f", "-"], { input });
      return untilRunning(connection, namespace, name, size);
    },
    async localPath(pod, folder) {
      if (!pids.has(pod)) await findPids(pids);
      const pid = pids.get(pod);
      return pid === undefined ? undefined : `/proc/${pid}/cwd/${folder}`;
    },
    async [Symbol.asyncDispose]() {
      // Otherwise the end of many pods would disturb the next measurement.
      const pods = ["delete", "statefulsets", "--all", "--cascade=foreground", "--timeout=60s"];
      await run([...inNamespace, ...pods], { timeoutMs: 70_000 }).catch(() => {});
      await run([...kubectl, "delete", "namespace", namespace, "--wait=false"]).catch(() => {});
      await connection[Symbol.asyncDispose]();
    },
  };
}

/** Finds the first process of each container on this machine by the variable HOSTNAME: the oldest one. */
async function findPids(found: Map<string, number>): Promise<void> {
  const all = (await readdir("/proc").catch(() => [])).map(Number).filter(Number.isInteger);
  for (const pid of all.toSorted((a, b) => b - a)) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    const pod = /(?:^|\0)HOSTNAME=(bench-[^\0]*)/.exec(environment)?.[1];
    if (pod !== undefined) found.set(pod, pid);
  }
}
