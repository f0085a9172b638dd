import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { connectCluster } from "@kinsync/core/cluster";
import type { BenchCluster, BenchClusterOptions } from "./bench-cluster.ts";
import { commandsFor } from "./container-commands.ts";
import { findKubectl, groupManifest, groupName, untilRunning, versionOf } from "./groups.ts";
import { end } from "./measured-process.ts";
import type { PlaygroundMessage, PlaygroundRequest } from "./playground-process.ts";

/** Time for the playground to end its containers and to remove its files. */
const CLOSE_LIMIT_MS = 10_000;

/** A playground in a process of its own. */
export async function openPlaygroundCluster(options: BenchClusterOptions): Promise<BenchCluster> {
  const child = fork(new URL("playground-process.ts", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const pending = new Map<number, (answer: string) => void>();
  let nextId = 0;
  const started = Promise.withResolvers<{ readonly kubeconfig: string; readonly confinement: string }>();
  child.on("message", (message: PlaygroundMessage) => {
    if ("kubeconfig" in message) started.resolve(message);
    else pending.get(message.id)?.(message.answer);
  });
  child.once("exit", () => started.reject(new Error("the playground did not start")));
  const request = (content: { apply: string } | { pod: string; path: string }): Promise<string> =>
    new Promise((resolve) => {
      nextId += 1;
      pending.set(nextId, resolve);
      child.send({ id: nextId, ...content } satisfies PlaygroundRequest);
    });
  const { kubeconfig, confinement } = await started.promise;
  const connection = await connectCluster({ env: {}, kubeconfig });
  const image = options.image ?? "playground/busybox";
  return {
    title: `playground, containers ${confinement}`,
    version: await versionOf(connection),
    image,
    commands: commandsFor(image),
    form: options.form,
    kubeconfig,
    context: "kinsync-playground",
    namespace: "default",
    connection,
    kubectl: await findKubectl(["--kubeconfig", kubeconfig]),
    async createGroup(size) {
      const name = groupName(size);
      await request({ apply: groupManifest(name, size, image, options.command) });
      return untilRunning(connection, "default", name, size);
    },
    localPath: (pod, folder) => request({ pod, path: `/app/${folder}` }),
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      child.removeAllListeners();
      // It ends after its containers and files; a signal would leave those.
      const exit = once(child, "exit");
      child.disconnect();
      await Promise.race([exit, delay(CLOSE_LIMIT_MS)]);
      await end(child);
    },
  };
}
