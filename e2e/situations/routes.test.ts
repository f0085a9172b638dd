import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { createCertificates } from "../cluster/certificates.ts";
import { ConnectProxy } from "../harness/connect-proxy.ts";
import type { ConnectProxyOptions } from "../harness/connect-proxy.ts";
import { untilNothingRemains } from "../harness/container-processes.ts";
import type { Fixture, UpOptions } from "../harness/fixture.ts";
import { ForwardingProxy } from "../harness/forwarding-proxy.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { kubeconfigText, readRoute, writeKubeconfig } from "../harness/kubeconfig.ts";
import { emptyPod } from "../harness/mapped-pod.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

/** Creates local files, including a larger one, and a pod. */
async function prepare(fixture: Fixture): Promise<Pod> {
  const { project } = fixture;
  await project.writeAll({ "src/f.txt": "one\n", "src/gone/g.txt": "g\n" });
  await project.write("src/larger.bin", Buffer.alloc(8 << 20, "0123456789abcde"));
  return emptyPod(fixture);
}

/** Plays a first sync, a save, a delete, and Ctrl-C. */
async function playRun(fixture: Fixture, x: Pod, options: UpOptions): Promise<KinsyncProcess> {
  const { project } = fixture;
  const kinsync = fixture.up("pod/x", options);
  expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
  await fixture.untilSame([x]);
  await fixture.save(kinsync, "f.txt", "two\n", [x]);
  await project.remove("src/gone");
  await fixture.untilSame([x]);
  const end = await kinsync.interrupt();
  expect(end.code).toBe(130);
  await untilNothingRemains(fixture, "x");
  return kinsync;
}

async function openProxy(fixture: Fixture, options?: ConnectProxyOptions): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.open(options);
  fixture.defer(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

for (const version of ["v5", "v4"]) {
  situation(`an API server with only version ${version} of exec works`, {}, async (fixture) => {
    const { namespace, project } = fixture;
    const protocol = `${version}.channel.k8s.io`;
    const proxy = await ForwardingProxy.open(await readRoute(fixture.kubeconfig), { protocols: [protocol] });
    fixture.defer(() => proxy[Symbol.asyncDispose]());
    const text = kubeconfigText({ cluster: { server: `http://${proxy.host}` }, user: {}, namespace });
    const kubeconfig = await writeKubeconfig(project.path("through-proxy"), text);
    await playRun(fixture, await prepare(fixture), { kubeconfig });
    expect(new Set(proxy.chosenProtocols)).toEqual(new Set([protocol]));
  });
}

situation("kinsync works through kubectl proxy", {}, async (fixture) => {
  const { kubectl, kubeconfig, namespace, project } = fixture;
  const [file = ""] = kubectl.argv;
  const args = ["--kubeconfig", kubeconfig, "proxy", "--port", "0", "--reject-paths", "^$"];
  const proxy = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  fixture.defer(async () => {
    const ended = once(proxy, "close");
    proxy.kill("SIGKILL");
    await ended;
  });
  const port = await new Promise<string>((resolve, reject) => {
    proxy.once("error", reject);
    proxy.once("close", () => reject(new Error("kubectl proxy ended")));
    createInterface({ input: proxy.stdout }).on("line", (line) => resolve(/:(\d+)$/.exec(line)?.[1] ?? ""));
  });
  const text = kubeconfigText({ cluster: { server: `http://127.0.0.1:${port}` }, user: {}, namespace });
  await playRun(fixture, await prepare(fixture), {
    kubeconfig: await writeKubeconfig(project.path("through-kubectl-proxy"), text),
  });
});

/** A kubeconfig whose server has a name that only a proxy can resolve. */
async function hiddenServer(fixture: Fixture) {
  const { cluster, user, server } = await readRoute(fixture.kubeconfig);
  const name = `api.kinsync-e2e.invalid:${server.port || "443"}`;
  const hidden = { "tls-server-name": server.hostname, ...cluster, server: `https://${name}` };
  const text = kubeconfigText({ cluster: hidden, user, namespace: fixture.namespace });
  const kubeconfig = await writeKubeconfig(fixture.project.path("hidden"), text);
  return { kubeconfig, name, names: { [name]: `${server.hostname}:${server.port || "443"}` } };
}

const BEHIND_A_PROXY = {
  needs: ["real"],
  skippedOnPlayground: "its server accepts only loopback host names, for which no proxy of the environment is used",
} as const;

situation("HTTPS_PROXY is used unless NO_PROXY lists the server", BEHIND_A_PROXY, async (fixture) => {
  const { kubeconfig, name, names } = await hiddenServer(fixture);
  const proxy = await openProxy(fixture, { names });
  const x = await prepare(fixture);
  const env = { HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: "localhost,.example.com,10.0.0.0/8" };
  await playRun(fixture, x, { kubeconfig, env });
  expect(new Set(proxy.tunnels.map(({ to }) => to))).toEqual(new Set([name]));

  const before = proxy.tunnels.length;
  const without = await fixture.sync("pod/x", {
    kubeconfig,
    env: { ...env, NO_PROXY: ".kinsync-e2e.invalid" },
    args: ["--wait", "2s"],
  });
  expect(without.end.code).toBe(5);
  expect(without.events.at(-1)).toMatchObject({ event: "error", code: "KINSYNC_CLUSTER_UNREACHABLE" });
  expect(proxy.tunnels.length).toBe(before);
});

situation("an HTTPS_PROXY with TLS is used if it is trusted", BEHIND_A_PROXY, async (fixture) => {
  const certificates = fixture.project.path("proxy-certificates");
  await createCertificates(certificates, [{ name: "proxy", subject: "/CN=proxy", names: "IP:127.0.0.1" }]);
  const pem = (file: string): Promise<string> => readFile(`${certificates}/${file}`, "utf8");
  const { kubeconfig, name, names } = await hiddenServer(fixture);
  const tls = { cert: await pem("proxy.crt"), key: await pem("proxy.key") };
  const proxy = await openProxy(fixture, { names, tls });
  const x = await prepare(fixture);
  const env = { HTTPS_PROXY: `https://${proxy.host}` };
  const untrusted = await fixture.sync("pod/x", { kubeconfig, env, args: ["--wait", "2s"] });
  expect(untrusted.end.code).toBe(5);
  expect(proxy.tunnels).toEqual([]);
  await playRun(fixture, x, { kubeconfig, env: { ...env, NODE_EXTRA_CA_CERTS: `${certificates}/ca.crt` } });
  expect(new Set(proxy.tunnels.map(({ to }) => to))).toEqual(new Set([name]));
});

situation("the login in proxy-url is sent and never shown", {}, async (fixture) => {
  const { namespace, project } = fixture;
  const { cluster, user, server } = await readRoute(fixture.kubeconfig);
  const login = "somebody:p@ss:w/rd";
  const proxy = await openProxy(fixture, { login });
  const behind = async (url: string): Promise<string> => {
    const text = kubeconfigText({ cluster: { ...cluster, "proxy-url": url }, user, namespace });
    return writeKubeconfig(project.path("behind"), text);
  };
  const x = await prepare(fixture);
  const wrong = await fixture.sync("pod/x", {
    kubeconfig: await behind(`http://somebody:wr0ng@${proxy.host}`),
    args: ["--wait", "2s"],
  });
  expect(wrong.end.code).toBe(5);
  expect(wrong.events.at(-1)?.reason).toMatch(/proxy.*407/);
  expect(wrong.end.stdout + wrong.end.stderr).not.toContain("wr0ng");
  expect(proxy.tunnels.some(({ isOpen }) => isOpen)).toBe(false);

  const right = `http://somebody:${encodeURIComponent("p@ss:w/rd")}@${proxy.host}`;
  const kinsync = await playRun(fixture, x, { kubeconfig: await behind(right) });
  const open = proxy.tunnels.filter(({ isOpen }) => isOpen);
  expect(new Set(open.map(({ to }) => to))).toEqual(new Set([server.host]));
  const { stdout, stderr } = await kinsync.ended;
  expect(stdout + stderr).not.toMatch(/p@ss|p%40ss/);
});
