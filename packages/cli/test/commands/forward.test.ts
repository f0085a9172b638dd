import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createPlayground, IDLE, podManifest, untilRunning, type Playground } from "../support/playground.ts";
import { createWorkplace, type Ran, type Workplace } from "../support/run.ts";

let playground: Playground;
let place: Workplace;
/** On which the container listens: containers of the playground share the ports of the machine. */
let port: number;

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace({ "src/f.txt": "1" });
  port = await freePort();
  const script = `mkdir -p /tmp/www; echo one >/tmp/www/index.html; busybox httpd -p 127.0.0.1:${port} -h /tmp/www; ${IDLE}`;
  playground.apply(podManifest({ name: "web", container: { command: ["sh", "-c", script] } }));
  await untilRunning(playground, "web");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return free;
}

function env(): Record<string, string> {
  return { KUBECONFIG: playground.kubeconfigPath };
}

interface Running {
  readonly stdout: () => string;
  readonly end: () => Promise<{ readonly code: number | null; readonly stderr: string }>;
}

function start(...argv: readonly string[]): Running {
  const child = place.spawn(argv, { env: env() });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return {
    stdout: () => stdout,
    end: async () => {
      const closed = once(child, "close");
      child.kill("SIGINT");
      await closed;
      return { code: child.exitCode, stderr };
    },
  };
}

function run(...argv: readonly string[]): Promise<Ran> {
  return place.run(argv, { env: env() });
}

test("a local port leads to the member, until Ctrl-C", async () => {
  const forward = start("forward", "pod/web", `:${port}`);
  await vi.waitFor(() => expect(forward.stdout()).toMatch(/^127\.0\.0\.1:\d+ -> port \d+ of web\n$/), 20_000);
  const [, local = ""] = /:(\d+) ->/.exec(forward.stdout()) ?? [];
  await vi.waitFor(async () => expect(await (await fetch(`http://127.0.0.1:${local}/`)).text()).toBe("one\n"), 10_000);
  expect(await forward.end()).toEqual({ code: 130, stderr: "" });
  await expect(fetch(`http://127.0.0.1:${local}/`)).rejects.toThrow("fetch failed");
});

test("`up` opens the ports of the config, shows them, and -o json has them as events", async () => {
  await place.write(
    "kinsync.config.yaml",
    `workloads: [{ workload: pod/web, sync: [{ from: src, to: /tmp/src }], forward: [{ port: ${port}, localPort: ${await freePort()} }] }]\n`,
  );
  const up = start("up", "-o", "json");
  const events = (): readonly Record<string, unknown>[] =>
    up
      .stdout()
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
  await vi.waitFor(
    () => expect(events()).toContainEqual(expect.objectContaining({ event: "forward-target", pod: "web" })),
    {
      timeout: 20_000,
    },
  );
  const opened = events().find(({ event }) => event === "forward-opened");
  expect(opened).toMatchObject({ workload: "pod/web", namespace: "default", port, address: "127.0.0.1" });
  expect(await (await fetch(`http://127.0.0.1:${String(opened?.["localPort"])}/`)).text()).toBe("one\n");
  expect((await up.end()).code).toBe(130);

  const lines = start("up");
  await vi.waitFor(() => expect(lines.stdout()).toMatch(/forward: 127\.0\.0\.1:\d+ -> port \d+ of web\n/), 20_000);
  await lines.end();
  await place.write("kinsync.config.yaml", "workloads: []\n");
});

test("two rules that open one local port are a fault of the config, which names both, before anything opens", async () => {
  const local = await freePort();
  const workload = (name: string, ...forward: readonly string[]): string =>
    `{ workload: ${name}, sync: [{ from: src, to: /tmp/src }], forward: [${forward.join(", ")}] }`;
  const of = (port: number, more = ""): string => `{ port: ${port}, localPort: ${local}${more} }`;
  const two = [workload("pod/web", of(80)), workload("pod/other", "{ port: 9000 }", of(81, ", address: 0.0.0.0"))];
  await place.write("kinsync.config.yaml", `workloads: [${two.join(", ")}]\n`);
  for (const argv of [["up"], ["config", "check"]]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { code, stdout, stderr } = await run(...argv);
    expect(code).toBe(2);
    expect(stdout).not.toContain("->");
    expect(stderr).toContain(
      `KINSYNC_CONFIG_CONFLICT: forward[0] of pod/web (port 80) and forward[1] of pod/other (port 81) both open the local port ${local} of 0.0.0.0`,
    );
    expect(stderr).toContain("`localPort` in the config");
  }
  // One of them alone is right.
  expect((await run("sync", "pod/web")).code).toBe(0);
  await place.write("kinsync.config.yaml", "workloads: []\n");
  const { code, stdout, stderr } = await run("forward", "pod/web", `${local}:80`, `${local}:81`);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(
    `KINSYNC_FORWARD_LOCAL: ${local}:80 and ${local}:81 both open the local port ${local} of 127.0.0.1`,
  );
});

test("a connection to a port on which nothing listens is reported in plain words", async () => {
  const unused = await freePort();
  const forward = start("forward", "pod/web", `:${unused}`);
  await vi.waitFor(() => expect(forward.stdout()).toMatch(/ of web\n/), 20_000);
  const [, local = ""] = /:(\d+) ->/.exec(forward.stdout()) ?? [];
  await expect(fetch(`http://127.0.0.1:${local}/`)).rejects.toThrow("fetch failed");
  await vi.waitFor(() =>
    expect(forward.stdout()).toContain(
      `Port ${unused} of pod default/web cannot be reached: nothing listens on it (connection refused).`,
    ),
  );
  await forward.end();
});

test("a local port that is in use ends the command with 2 and what to write instead", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: used } = server.address() as AddressInfo;
  const { code, stderr } = await run("forward", "pod/web", `${used}:8080`);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /KINSYNC_FORWARD_LOCAL: Port \d+ of 127\.0\.0\.1 cannot be opened on this machine: another program/,
  );
  expect(stderr).toContain(`${used === 65_535 ? used - 1 : used + 1}:8080`);
  server.close();
});

test.each(["0", "x", "1:2:3", "70000", "80:http", "99999:80"])("%s is not a port", async (text) => {
  const { code, stderr } = await run("forward", "pod/web", text);
  expect(code).toBe(2);
  expect(stderr).toMatch(/KINSYNC_USAGE: ".*" is not a port\n.*PORT, LOCAL:PORT or :PORT/);
});

test("`rbac --forward` prints the rule", async () => {
  expect((await run("rbac", "pod/web", "--forward")).stdout).toMatch(
    /- pods\/portforward\n\s+verbs:\n\s+- get\n\s+- create\n/,
  );
});
