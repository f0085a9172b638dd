// Volumes in memory, with a size: one process per pod holds their mounts, and the pod's containers start in its mount namespace.

import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { quote } from "./confined-script.ts";
import type { ConfinementTools } from "./confinement.ts";
import type { Watchdog } from "./watchdog.ts";

export interface MemoryVolume {
  /** An empty folder of the machine, where only this pod's containers see the volume. */
  readonly path: string;
  readonly sizeBytes?: number;
}

export interface MemoryVolumes {
  readonly pid: number;
  close(): Promise<void>;
}

/** Mounts the volumes in a new mount namespace. @throws Error if the machine does not allow it. */
export async function openMemoryVolumes(
  tools: ConfinementTools,
  volumes: readonly MemoryVolume[],
  watchdog: Watchdog,
): Promise<MemoryVolumes> {
  const mounts = volumes.map(({ path, sizeBytes }) => {
    const size = sizeBytes === undefined ? "" : `,size=${sizeBytes}`;
    return `"$B" mount -t tmpfs -o mode=777${size} tmpfs ${quote(path)}`;
  });
  const script = ["set -e", `B=${quote(tools.busybox)}`, ...mounts, "echo ready >&3", 'exec "$B" sleep 2147483647'];
  const args = [
    ...(tools.userNamespace ? ["--user", "--map-root-user"] : []),
    "--mount",
    "--propagation",
    "private",
    tools.busybox,
    "sh",
    "-c",
    script.join("\n"),
  ];
  const child = spawn(tools.unshare, args, {
    cwd: "/",
    env: {},
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  if (pid === undefined) throw new Error("Volumes in memory: unshare did not start");
  watchdog.add(pid);
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaint = `${complaint}${text}`.slice(-1000)));
  let ready = false;
  for await (const chunk of child.stdio[3] as Readable) {
    ready = String(chunk).includes("ready");
    if (ready) break;
  }
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    watchdog.delete(pid);
  };
  if (!ready) {
    await close();
    throw new Error(`Volumes in memory could not be mounted: ${complaint.trim()}`);
  }
  return { pid, close };
}
