import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { ACCOUNT, kubeconfigOf, roleBinding, writeKubeconfig } from "../access.ts";
import type { Kinsync } from "../kinsync.ts";
import { container, podSpec, statefulSet } from "../manifests.ts";
import { findComponent, killComponent, startComponent } from "../node-control.ts";
import type { Component } from "../node-control.ts";
import { isRunning } from "../objects.ts";
import type { Pod } from "../objects.ts";
import { situation } from "../situation.ts";
import type { Stage } from "../stage.ts";

/** Two pods, in step. */
async function inStep(stage: Stage, kubeconfig?: string): Promise<{ kinsync: Kinsync; pods: readonly Pod[] }> {
  await stage.create(statefulSet("db", 2, podSpec(container(stage.world.image))));
  const pods = await stage.running(2);
  await stage.project.writeAll({ "src/f.txt": "one\n", "src/gone.txt": "x\n" });
  const kinsync = stage.up("sts/db", kubeconfig === undefined ? {} : { kubeconfig });
  await kinsync.ready();
  await stage.same(pods);
  await stage.save(kinsync, "f.txt", "two\n", pods);
  return { kinsync, pods };
}

/** What a user does while something is down. */
async function change(stage: Stage): Promise<void> {
  await stage.project.writeAll({ "src/f.txt": "meanwhile\n", "src/new/g.txt": "g\n" });
  await stage.project.remove("src/gone.txt");
}

situation(
  "rights are taken away and given back: it is said, a new pod waits, and is caught up then",
  { needs: ["rbac"] },
  async (stage) => {
    const { kubectl } = stage;
    const { kinsync, pods } = await inStep(stage);
    const since = kinsync.mark();
    await kubectl.delete(`rolebinding/${ACCOUNT}`);
    await kubectl.delete("pod/db-0", "--grace-period=1");
    const fresh = await stage.until("db-0 is back", async () => {
      const all = (await kubectl.pods()).filter((pod) => isRunning(pod));
      return all.length === 2 && all[0]?.metadata.uid !== pods[0]?.metadata.uid && all;
    });
    await kinsync.until("it is not allowed", ({ code }) => code === "KINSYNC_CLUSTER_FORBIDDEN", { since });
    await change(stage);
    const refused = await stage.sync("sts/db", { args: ["--wait", "2s"] });
    expect(refused.end.code).toBe(5);
    expect(refused.events.at(-1)).toMatchObject({ event: "error", code: "KINSYNC_CLUSTER_FORBIDDEN" });

    await stage.create(roleBinding(stage.namespace));
    await stage.same(fresh);
    await stage.save(kinsync, "f.txt", "three\n", fresh);
  },
);

situation("the way to the cluster is kubectl proxy", {}, async (stage) => {
  const { kubectl, kubeconfig, namespace, project } = stage;
  const [file = ""] = kubectl.argv;
  const args = ["--kubeconfig", kubeconfig, "proxy", "--port", "0", "--reject-paths", "^$"];
  const proxy = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  stage.atEnd(async () => {
    const ended = once(proxy, "close");
    proxy.kill("SIGKILL");
    await ended;
  });
  const port = await new Promise<string>((resolve, reject) => {
    proxy.once("error", reject);
    proxy.once("close", () => reject(new Error("kubectl proxy ended")));
    createInterface({ input: proxy.stdout }).on("line", (line) => resolve(/:(\d+)$/.exec(line)?.[1] ?? ""));
  });
  const text = kubeconfigOf({ cluster: { server: `http://127.0.0.1:${port}` }, user: {}, namespace });
  const { kinsync, pods } = await inStep(stage, await writeKubeconfig(project.path("by-proxy"), text));
  await change(stage);
  await stage.same(pods);
  await stage.save(kinsync, "f.txt", "three\n", pods);
});

interface Outage {
  readonly component: Component;
  /** True while the cluster can be asked whether it is back. */
  readonly isBack: (stage: Stage) => Promise<boolean>;
}

const OUTAGES: readonly Outage[] = [
  {
    component: "kube-apiserver",
    isBack: async ({ kubectl }) => (await kubectl.run(["get", "--raw", "/readyz"])) === "ok",
  },
  { component: "kubelet", isBack: canExec },
  { component: "containerd", isBack: canExec },
];

async function canExec({ kubectl }: Stage): Promise<boolean> {
  return (await kubectl.run(["exec", "db-0", "--", "echo", "there"], { within: 10_000 })) === "there\n";
}

for (const { component, isBack } of OUTAGES) {
  situation(
    `${component} is killed: what is saved meanwhile is there after its restart`,
    { needs: ["control"], timeout: 240_000 },
    async (stage) => {
      const { kinsync, pods } = await inStep(stage);
      const killed = await killComponent(component);
      try {
        await change(stage);
        await kinsync.until(
          "the change is seen",
          ({ event, paths }) => event === "generation" && paths?.includes("new/g.txt") === true,
        );
      } finally {
        startComponent(killed);
      }
      await stage.until(`${component} is back`, () => isBack(stage), { within: 120_000 });
      await stage.same(pods);
      await stage.save(kinsync, "f.txt", "three\n", pods);
      const after = await stage.running(2);
      expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
    },
  );
}

situation(
  "kubelet is stopped for a while: nothing hangs, and all is there when it goes on",
  { needs: ["control"], timeout: 240_000 },
  async (stage) => {
    const { kinsync, pods } = await inStep(stage);
    const { pid } = await findComponent("kubelet");
    const since = kinsync.mark();
    process.kill(pid, "SIGSTOP");
    try {
      await change(stage);
      await kinsync.until(
        "a target is behind",
        ({ event, status }) => event === "retry" || (event === "target" && status === "stale"),
        // A minute of silence in the middle of a batch is what kinsync grants.
        { since, within: 100_000 },
      );
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await stage.same(pods);
    await stage.save(kinsync, "f.txt", "three\n", pods);
  },
);
