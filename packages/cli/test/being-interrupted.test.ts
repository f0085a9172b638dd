import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { expect, test } from "vitest";
import { createWorkplace, ended } from "./support/run.ts";

interface SilentServer extends AsyncDisposable {
  readonly kubeconfig: string;
  /** Settles when somebody connected. */
  readonly connected: Promise<void>;
}

/** Takes connections and never says a word. */
async function createSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    resolve();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    kubeconfig: JSON.stringify({
      "current-context": "kind-dev",
      contexts: [{ name: "kind-dev", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: "u", user: {} }],
    }),
    connected: promise,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const UP = ["up", "pod/x", "--sync", "src:/app"];

test.skipIf(process.platform === "win32").each(["SIGINT", "SIGTERM"] as const)(
  "%s ends a run that waits for a server, without an error",
  async (signal) => {
    await using server = await createSilentServer();
    await using place = await createWorkplace({ "src/main.py": "", ".kube/config": server.kubeconfig });
    const child = place.spawn(UP);
    const end = ended(child);
    await server.connected;
    child.kill(signal);
    const { code, stdout, stderr } = await end;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^up pod\/x: src -> \/app\n/);
    expect(stderr).toBe("");
  },
);

/** A config that never ends its import, holds on to the process, and tells of the first signal, and of half a second after it. */
const HANGING = `
  process.stdout.write("hanging;");
  process.once("SIGINT", () => {
    process.stdout.write("first;");
    setTimeout(() => process.stdout.write("late;"), 500);
  });
  setInterval(() => {}, 1000);
  await new Promise(() => {});`;

test.skipIf(process.platform === "win32")("a config that hangs does not keep Ctrl-C from ending the run", async () => {
  await using place = await createWorkplace({ "kinsync.config.mjs": HANGING });
  const child = place.spawn(["up"]);
  const end = ended(child);
  child.stdout.once("data", () => child.kill("SIGINT"));
  expect(await end).toEqual({ code: 130, stdout: "hanging;first;late;", stderr: "" });
});

test.skipIf(process.platform === "win32")("a second Ctrl-C ends it at once", async () => {
  await using place = await createWorkplace({ "kinsync.config.mjs": HANGING });
  const child = place.spawn(["up"]);
  const end = ended(child);
  // One for "hanging", one for "first".
  child.stdout.on("data", () => child.kill("SIGINT"));
  expect(await end).toEqual({ code: 130, stdout: "hanging;first;", stderr: "" });
});

test("an old Node is told which one is needed, before anything else is loaded", async () => {
  await using place = await createWorkplace();
  // The same file, as an older Node would see it.
  const script = `Object.defineProperty(process.versions, "node", { value: "20.11.1" });\nawait import(${JSON.stringify(new URL("../bin/kinsync.mjs", import.meta.url).href)});`;
  const { spawn } = await import("node:child_process");
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { cwd: place.path, env: {} });
  const { code, stdout, stderr } = await ended(child);
  expect(stderr).toBe(
    "error KINSYNC_USAGE: kinsync needs Node 22.22 or newer, and this is 20.11.1\n" +
      "  hint: install a newer Node (https://nodejs.org), or run it with npx -p node@24 -p kinsync kinsync\n",
  );
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});

test("a reader that goes away ends the run quietly", async () => {
  await using place = await createWorkplace();
  const child = place.spawn(["--help"]);
  child.stdout.destroy();
  const { code, stderr } = await ended(child);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});
