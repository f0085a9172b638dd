// npx vitest run --root e2e/cluster: requires root and Debian; takes minutes the first time.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../../harness/command.ts";
import type { Images } from "../../images/image-names.ts";
import type { Cluster, Component } from "../cluster.ts";
import { openCluster, startCluster } from "../index.ts";
import { leftoversOf } from "./support/leftovers.ts";

const MINUTE_MS = 60_000;
const FIRST_BUILD_MS = 60 * MINUTE_MS;
const CLI = join(import.meta.dirname, "..", "cli.ts");

/** Unique, so that tests of another checkout use another cluster. */
const id = `t${process.pid}`;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-"));
  await run([process.execPath, CLI, "build"], { timeoutMs: FIRST_BUILD_MS });
}, FIRST_BUILD_MS);

afterAll(async () => {
  await run([process.execPath, CLI, "down", "--id", id, "--folder", folder]);
  await rm(folder, { recursive: true, force: true });
}, MINUTE_MS);

describe("a running cluster of two nodes", () => {
  let cluster: Cluster;
  const kubectl = (args: readonly string[], input = "") =>
    run([cluster.kubectl, ...args], { env: { ...process.env, ...cluster.environment }, input });

  beforeAll(async () => {
    cluster = await startCluster({ id, folder, nodes: 2 });
  }, 2 * MINUTE_MS);
  afterAll(() => cluster.down(), MINUTE_MS);

  const commands = {
    busybox: ["sh", "-c", "echo seen >seen; exec sleep 1000"],
    debian: ["bash", "-c", "echo seen | tar --version >seen && echo seen >seen; exec sleep 1000"],
    python: ["python3", "-c", "import time; open('seen', 'w').write('seen\\n'); time.sleep(1000)"],
    training: ["sh", "-c", 'python3 -c \'open("seen", "w").write("seen\\n")\'; sleep 1000'],
    "perl-base": ["perl", "-e", 'open(F, ">", "seen"); print F "seen\\n"; close F; sleep 1000'],
  };

  test.for(Object.entries(commands))(
    "a file that a container of %s writes is visible on the machine",
    { timeout: MINUTE_MS },
    async ([image, command], { expect }) => {
      await kubectl(["create", "-f", "-"], pod(image, cluster.images[image as keyof Images], { command }));
      await kubectl(["wait", "--for=condition=Ready", `pod/${image}`, "--timeout=50s"]);
      const root = await cluster.rootOf({ namespace: "default", pod: image });
      const content = (): Promise<string> => readFile(join(root, "app", "seen"), "utf8").catch(() => "");
      await expect.poll(content, { timeout: MINUTE_MS, message: "the file" }).toBe("seen\n");
    },
  );

  test("a container without a shell runs as a user other than root", { timeout: MINUTE_MS }, async () => {
    await kubectl(["create", "-f", "-"], pod("distroless", cluster.images.distroless));
    await kubectl(["wait", "--for=condition=Ready", "pod/distroless", "--timeout=50s"]);
    const pid = await cluster.pidOf({ namespace: "default", pod: "distroless", container: "main" });
    expect(await readlink(`/proc/${pid}/exe`)).toBe("/wait");
    expect(await readFile(`/proc/${pid}/status`, "utf8")).toMatch(/^Uid:\t65532\t/m);
    await expect(kubectl(["exec", "distroless", "--", "sh"])).rejects.toThrow("executable file not found");
  });

  test("a JobSet's pods on both nodes reach each other", { timeout: 2 * MINUTE_MS }, async () => {
    const serve = ["sh", "-c", "echo $HOSTNAME >index.html; exec httpd -f -p 80"];
    await kubectl(["create", "-f", "-"], jobSet("pair", cluster.images.busybox, serve));
    const pods = async () => {
      const path = "{range .items[*]}{.metadata.name} {.spec.nodeName} {.status.podIP}{'\\n'}{end}";
      const text = await kubectl([
        "get",
        "pods",
        "-l",
        "jobset.sigs.k8s.io/jobset-name=pair",
        "-o",
        `jsonpath=${path}`,
      ]);
      const rows = text.trim().split("\n");
      if (rows.length !== 2 || !rows.every((row) => /\d$/.test(row))) throw new Error(`not two addresses: ${text}`);
      return rows.map((row) => row.split(" "));
    };
    const [one = [], other = []] = await vi.waitFor(pods, { timeout: MINUTE_MS, interval: 200 });
    expect(new Set([one[1], other[1]])).toEqual(new Set(["n1", "n2"]));
    for (const [from = "", to = ""] of [
      [one[0], other[2]],
      [other[0], one[2]],
    ]) {
      const request = () => kubectl(["exec", from, "--", "timeout", "5", "wget", "-qO-", `http://${to}/`]);
      await expect.poll(request, { timeout: MINUTE_MS, interval: 200 }).toContain("pair-");
    }
  });

  const components: readonly Component[] = [
    "etcd",
    "apiserver",
    "controller-manager",
    "scheduler",
    "jobset",
    "containerd",
    "kubelet",
  ];
  test.for(components)("%s can be killed and restarted", { timeout: 2 * MINUTE_MS }, async (component, { expect }) => {
    const before = await cluster.pidOfComponent(component);
    await cluster.kill(component);
    expect(await cluster.pidOfComponent(component)).toBeUndefined();
    await cluster.start(component);
    const after = await cluster.pidOfComponent(component);
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
    expect(await kubectl(["get", "nodes", "-o", "name"])).toBe("node/n1\nnode/n2\n");
  });

  test("a stopped API server does not answer until it continues", { timeout: MINUTE_MS }, async () => {
    await cluster.stop("apiserver");
    await expect(kubectl(["get", "--raw", "/readyz", "--request-timeout=1s"])).rejects.toThrow(/deadline|timeout/i);
    await cluster.continue("apiserver");
    expect(await kubectl(["get", "--raw", "/readyz"])).toBe("ok");
  });

  test("a command inside a node uses the node's host name and the caller's folder", async () => {
    const script = "hostname; pwd; cat; exit 7";
    const outcome = await cluster.run(["sh", "-c", script], { node: "n2", cwd: tmpdir(), input: "given" });
    expect(outcome).toEqual({ code: 7, stdout: `n2\n${tmpdir()}\ngiven`, stderr: "" });
  });

  test("a second start returns the same cluster", async () => {
    const again = await startCluster({ id, folder, nodes: 2 });
    expect(await again.pidOfComponent("etcd")).toBe(await cluster.pidOfComponent("etcd"));
  });

  test("the logs of all components of all nodes are copied", { timeout: MINUTE_MS }, async () => {
    const out = join(folder, "copied");
    await run([process.execPath, CLI, "logs", "--id", id, "--folder", folder, "--out", out]);
    const names = await readdir(out);
    for (const name of ["audit.log", "n1-apiserver.log", "n1-jobset.log", "n2-kubelet.log"])
      expect(names).toContain(name);
    await rm(out, { recursive: true });
  });

  test("a process inside a node finds the cluster", { timeout: MINUTE_MS }, async () => {
    const cli = [process.execPath, CLI, "status", "--id", id, "--folder", folder];
    expect((await cluster.run(cli)).stdout).toMatch(/^n1 kubelet +process \d+$/m);
  });
});

describe("nothing remains of a cluster", () => {
  test("that was removed", { timeout: 2 * MINUTE_MS }, async () => {
    const cluster = await startCluster({ id, folder });
    expect(await leftoversOf(id, cluster.folder)).not.toEqual([]);
    await cluster.down();
    expect(await leftoversOf(id, cluster.folder)).toEqual([]);
    expect(await openCluster({ id, folder })).toBeUndefined();
  });

  const moments = [
    "nodes are created",
    "containerd is healthy",
    "apiserver is healthy",
    "kubelet is healthy",
    "jobset is healthy",
  ];
  test.for(moments)(
    'whose start was killed at "%s", and that was then removed',
    { timeout: 2 * MINUTE_MS },
    async (moment, { expect }) => {
      const up = spawn(process.execPath, [CLI, "up", "--id", id, "--folder", folder], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      const ended = once(up, "exit");
      for await (const line of createInterface({ input: up.stderr })) if (line.includes(moment)) up.kill("SIGKILL");
      expect(await ended).toEqual([null, "SIGKILL"]);
      await run([process.execPath, CLI, "down", "--id", id, "--folder", folder]);
      expect(await leftoversOf(id, join(folder, id))).toEqual([]);
    },
  );
});

function pod(name: string, image: string, more: object = {}): string {
  const container = { name: "main", image, imagePullPolicy: "Never", ...more };
  const spec = { terminationGracePeriodSeconds: 0, containers: [container] };
  return JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec });
}

/** Two pods, one on each node. */
function jobSet(name: string, image: string, command: readonly string[]): string {
  const apart = {
    maxSkew: 1,
    topologyKey: "kubernetes.io/hostname",
    whenUnsatisfiable: "DoNotSchedule",
    labelSelector: { matchLabels: { "jobset.sigs.k8s.io/jobset-name": name } },
  };
  const spec = {
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 0,
    topologySpreadConstraints: [apart],
    containers: [{ name: "main", image, imagePullPolicy: "Never", command }],
  };
  const template = { spec: { parallelism: 2, completions: 2, template: { spec } } };
  return JSON.stringify({
    apiVersion: "jobset.x-k8s.io/v1alpha2",
    kind: "JobSet",
    metadata: { name },
    spec: { replicatedJobs: [{ name: "main", template }] },
  });
}
