import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createWorkplace } from "./support/run.ts";

const SRC = { "src/main.py": "print(1)\n" };
const UP = ["up", "pod/x", "--sync", "src:/app"];

function kubeconfig(context: string, server: string, user: object = { token: "not-a-real-token" }): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": context,
    contexts: [{ name: context, context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server } }],
    users: [{ name: "u", user }],
  });
}

/** A port at which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("no kubeconfig", async () => {
  await using place = await createWorkplace(SRC);
  const { code, stdout, stderr } = await place.run(UP);
  expect(stdout).toBe("up pod/x: src -> /app\n");
  expect(stderr).toMatch(
    /^error KINSYNC_CLUSTER_KUBECONFIG: There is no kubeconfig: looked for .*config\n {2}hint: Set `KUBECONFIG`/,
  );
  expect(code).toBe(5);
});

test("a kubeconfig that does not parse", async () => {
  await using place = await createWorkplace({ ...SRC, ".kube/config": "contexts: [\n" });
  const { code, stderr } = await place.run(UP);
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_KUBECONFIG: /);
  expect(code).toBe(5);
});

test("a context that there is not", async () => {
  await using place = await createWorkplace({ ...SRC, ".kube/config": kubeconfig("kind-dev", "https://127.0.0.1:1") });
  const { code, stderr } = await place.run([...UP, "--context", "kind-dve"]);
  expect(stderr).toMatch(
    /^error KINSYNC_CLUSTER_CONTEXT_UNKNOWN: There is no context "kind-dve" in .*\n {2}hint: Known contexts: kind-dev\n$/,
  );
  expect(code).toBe(5);
});

test("a context that is not local is refused for writing, and nothing is sent to it", async () => {
  const contacted: string[] = [];
  const server = createServer((socket) => {
    contacted.push("contacted");
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using place = await createWorkplace({ ...SRC, ".kube/config": kubeconfig("prod", `http://127.0.0.1:${port}`) });
  const { code, stderr } = await place.run(UP);
  expect(stderr).toBe(
    'error KINSYNC_CLUSTER_CONTEXT_REFUSED: Refusing to write to context "prod": it is not a known local cluster, and `contexts` of the config does not list it\n' +
      '  hint: To allow it: --context prod, or contexts: ["prod"] in the config.\n',
  );
  expect(code).toBe(5);
  expect(contacted).toEqual([]);
  // Named, in the config, or only read: it is asked.
  const named = await place.run([...UP, "--context", "prod"]);
  expect(named.stderr).not.toContain("CONTEXT_REFUSED");
  await place.write("kinsync.config.yaml", "contexts: [prod]\nworkloads: []\n");
  expect((await place.run(UP)).stderr).not.toContain("CONTEXT_REFUSED");
  await place.write("kinsync.config.yaml", "workloads: []\n");
  expect((await place.run(["tree", "pod/x"])).stderr).not.toContain("CONTEXT_REFUSED");
  expect(contacted.length).toBeGreaterThan(0);
  await new Promise((resolve) => server.close(resolve));
});

test("a server that is not there", async () => {
  const port = await closedPort();
  await using place = await createWorkplace({
    ...SRC,
    ".kube/config": kubeconfig("kind-dev", `https://127.0.0.1:${port}`),
  });
  const { code, stderr } = await place.run(UP);
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_UNREACHABLE: .*kind-dev/);
  expect(stderr).toContain(`127.0.0.1:${port}`);
  expect(stderr).not.toContain("not-a-real-token");
  expect(code).toBe(5);
});

test.each([
  [503, "KINSYNC_CLUSTER_BUSY"],
  [200, "KINSYNC_CLUSTER_ANSWER"],
])(
  "a server that answers every request with %i and a page ends the start with %s, without a retry",
  async (status, code) => {
    let requests = 0;
    await using server = createHttpServer((_request, response) => {
      requests += 1;
      response.writeHead(status, { "content-type": "text/html" }).end("<h1>Sign in</h1>");
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    await using place = await createWorkplace({
      ...SRC,
      ".kube/config": kubeconfig("kind-dev", `http://127.0.0.1:${port}`),
    });
    const { code: exitCode, stderr } = await place.run(UP);
    expect(stderr).toMatch(new RegExp(`^error ${code}: `));
    expect(exitCode).toBe(5);
    expect(requests).toBeLessThan(5);
  },
);

test("a program for the credentials that is not installed", async () => {
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: "kinsync-no-such-login",
    interactiveMode: "Never",
  };
  await using place = await createWorkplace({
    ...SRC,
    ".kube/config": kubeconfig("kind-dev", "https://127.0.0.1:1", { exec }),
  });
  const { code, stderr } = await place.run(UP);
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_CREDENTIALS: .*kinsync-no-such-login/);
  expect(code).toBe(5);
});

test("a program for the credentials that fails", async () => {
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: ["-e", "console.error('token has expired'); process.exit(3)"],
    interactiveMode: "Never",
  };
  await using place = await createWorkplace({
    ...SRC,
    ".kube/config": kubeconfig("kind-dev", "https://127.0.0.1:1", { exec }),
  });
  const { code, stderr } = await place.run(UP);
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_CREDENTIALS: .*(?:3|token has expired)/);
  expect(code).toBe(5);
});
