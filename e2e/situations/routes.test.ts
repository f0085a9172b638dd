import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { kubeconfigOf, writeKubeconfig } from "../harness/access.ts";
import { makeCertificates } from "../cluster/certificates.ts";
import type { Kinsync } from "../harness/kinsync-process.ts";
import { emptyPod } from "../harness/mapped-pod.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import type { Stage, UpOptions } from "../harness/fixture.ts";
import { untilNothingIsLeft } from "../harness/container-processes.ts";
import { ConnectProxy, ForwardingProxy, readWay } from "../harness/proxies.ts";
import type { ConnectProxyOptions } from "../harness/proxies.ts";

/** Local files, something larger among them, and a pod. */
async function prepare(stage: Stage): Promise<Pod> {
  const { project } = stage;
  await project.writeAll({ "src/f.txt": "one\n", "src/gone/g.txt": "g\n" });
  await project.write("src/larger.bin", Buffer.alloc(8 << 20, "0123456789abcde"));
  return emptyPod(stage);
}

/** A first sync, saves, deletes, and an end. */
async function playThrough(stage: Stage, x: Pod, options: UpOptions): Promise<Kinsync> {
  const { project } = stage;
  const kinsync = stage.up("pod/x", options);
  expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
  await stage.same([x]);
  await stage.save(kinsync, "f.txt", "two\n", [x]);
  await project.remove("src/gone");
  await stage.same([x]);
  const end = await kinsync.interrupt();
  expect(end.code).toBe(130);
  await untilNothingIsLeft(stage, "x");
  return kinsync;
}

async function openProxy(stage: Stage, options?: ConnectProxyOptions): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.open(options);
  stage.atEnd(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

for (const version of ["v5", "v4"]) {
  situation(`an API server whose exec speaks ${version} and nothing else`, {}, async (stage) => {
    const { namespace, project } = stage;
    const protocol = `${version}.channel.k8s.io`;
    const proxy = await ForwardingProxy.open(await readWay(stage.kubeconfig), { protocols: [protocol] });
    stage.atEnd(() => proxy[Symbol.asyncDispose]());
    const text = kubeconfigOf({ cluster: { server: `http://${proxy.host}` }, user: {}, namespace });
    const kubeconfig = await writeKubeconfig(project.path("through"), text);
    await playThrough(stage, await prepare(stage), { kubeconfig });
    expect(new Set(proxy.chosen)).toEqual(new Set([protocol]));
  });
}

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
  await playThrough(stage, await prepare(stage), {
    kubeconfig: await writeKubeconfig(project.path("by-proxy"), text),
  });
});

/** A kubeconfig whose server has a name that only a proxy knows, and the name's meaning. */
async function hiddenServer(stage: Stage) {
  const { cluster, user, server } = await readWay(stage.kubeconfig);
  const name = `api.kinsync-e2e.invalid:${server.port || "443"}`;
  const hidden = { "tls-server-name": server.hostname, ...cluster, server: `https://${name}` };
  const text = kubeconfigOf({ cluster: hidden, user, namespace: stage.namespace });
  const kubeconfig = await writeKubeconfig(stage.project.path("hidden"), text);
  return { kubeconfig, name, names: { [name]: `${server.hostname}:${server.port || "443"}` } };
}

const BEHIND_A_PROXY = {
  needs: ["real"],
  unplayable: "its server is plain HTTP on loopback, and no proxy of the environment is asked for that",
} as const;

situation("HTTPS_PROXY leads to the cluster, all of it; NO_PROXY takes it back", BEHIND_A_PROXY, async (stage) => {
  const { kubeconfig, name, names } = await hiddenServer(stage);
  const proxy = await openProxy(stage, { names });
  const x = await prepare(stage);
  const env = { HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: "localhost,.example.com,10.0.0.0/8" };
  await playThrough(stage, x, { kubeconfig, env });
  expect(new Set(proxy.tunnels.map(({ to }) => to))).toEqual(new Set([name]));

  const asked = proxy.tunnels.length;
  const without = await stage.sync("pod/x", {
    kubeconfig,
    env: { ...env, NO_PROXY: ".kinsync-e2e.invalid" },
    args: ["--wait", "2s"],
  });
  expect(without.end.code).toBe(5);
  expect(without.events.at(-1)).toMatchObject({ event: "error", code: "KINSYNC_CLUSTER_UNREACHABLE" });
  expect(proxy.tunnels.length).toBe(asked);
});

situation("HTTPS_PROXY is a proxy that speaks TLS itself", BEHIND_A_PROXY, async (stage) => {
  const pki = stage.project.path("proxy-pki");
  await makeCertificates(pki, [{ name: "proxy", subject: "/CN=proxy", names: "IP:127.0.0.1" }]);
  const pem = (file: string): Promise<string> => readFile(`${pki}/${file}`, "utf8");
  const { kubeconfig, name, names } = await hiddenServer(stage);
  const tls = { cert: await pem("proxy.crt"), key: await pem("proxy.key") };
  const proxy = await openProxy(stage, { names, tls });
  const x = await prepare(stage);
  const env = { HTTPS_PROXY: `https://${proxy.host}` };
  const distrusted = await stage.sync("pod/x", { kubeconfig, env, args: ["--wait", "2s"] });
  expect(distrusted.end.code).toBe(5);
  expect(proxy.tunnels).toEqual([]);
  await playThrough(stage, x, { kubeconfig, env: { ...env, NODE_EXTRA_CA_CERTS: `${pki}/ca.crt` } });
  expect(new Set(proxy.tunnels.map(({ to }) => to))).toEqual(new Set([name]));
});

situation("proxy-url of the kubeconfig, with a login: no way without it, and it is never shown", {}, async (stage) => {
  const { namespace, project } = stage;
  const { cluster, user, server } = await readWay(stage.kubeconfig);
  const login = "somebody:p@ss:w/rd";
  const proxy = await openProxy(stage, { login });
  const behind = async (url: string): Promise<string> => {
    const text = kubeconfigOf({ cluster: { ...cluster, "proxy-url": url }, user, namespace });
    return writeKubeconfig(project.path("behind"), text);
  };
  const x = await prepare(stage);
  const wrong = await stage.sync("pod/x", {
    kubeconfig: await behind(`http://somebody:wr0ng@${proxy.host}`),
    args: ["--wait", "2s"],
  });
  expect(wrong.end.code).toBe(5);
  expect(wrong.events.at(-1)?.reason).toMatch(/proxy.*407/);
  expect(wrong.end.stdout + wrong.end.stderr).not.toContain("wr0ng");
  expect(proxy.tunnels.some(({ isOpen }) => isOpen)).toBe(false);

  const right = `http://somebody:${encodeURIComponent("p@ss:w/rd")}@${proxy.host}`;
  const kinsync = await playThrough(stage, x, { kubeconfig: await behind(right) });
  const open = proxy.tunnels.filter(({ isOpen }) => isOpen);
  expect(new Set(open.map(({ to }) => to))).toEqual(new Set([server.host]));
  const { stdout, stderr } = await kinsync.ended;
  expect(stdout + stderr).not.toMatch(/p@ss|p%40ss/);
});
