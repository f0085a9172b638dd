import { readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createPlayground, IDLE, readIn, type Playground } from "./support/playground.ts";
import { createWorkplace, ended, type Workplace } from "./support/run.ts";

const PAGE = readFileSync(new URL("../../../docs/guides/first-steps.md", import.meta.url), "utf8");
const BIN = fileURLToPath(new URL("../bin/kinsync.mjs", import.meta.url));
const CONTEXT = "arn:aws:eks:eu-1:1:cluster/dev team";

let playground: Playground;
let place: Workplace;

/** The commands of the numbered steps. `/app` is the working directory of the container, so that it is left out. */
const commands = [...PAGE.matchAll(/^ {3}```sh\n([\s\S]*?)^ {3}```/gm)]
  .flatMap(([, block = ""]) => block.trim().split("\n"))
  .map((line) => line.trim().replaceAll(":/app/", ":"));

beforeAll(async () => {
  playground = await createPlayground();
  const labels = { app: "web" };
  const container = {
    name: "main",
    image: "playground/busybox",
    command: ["sh", "-c", `trap 'echo reloaded >/app/hup' HUP; ${IDLE}`],
  };
  playground.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } },
    },
  });
  place = await createWorkplace({ "src/main.py": "print(1)\n" });
  // A context that is not local, whose name needs quotes.
  const quoted = JSON.stringify(CONTEXT);
  const config = playground.kubeconfig
    .replace(/^current-context: .*$/m, `current-context: ${quoted}`)
    .replace(/(contexts:[\s\S]*?name: ).*/, `$1${quoted}`);
  await place.write(".kube/config", config);
  for (const [name, script] of [
    ["kinsync", `exec ${JSON.stringify(process.execPath)} --conditions=kinsync:source ${JSON.stringify(BIN)} "$@"`],
    ["kubectl", `[ "$*" = "config current-context" ] && echo ${JSON.stringify(CONTEXT)}`],
  ] as const) {
    await writeFile(join(place.path, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(place.path, name), 0o755);
  }
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

/** What each pod of the Deployment holds. */
async function contents(path: string): Promise<readonly (string | undefined)[]> {
  const pods = playground.store.list("pods", "default").map(({ metadata }) => metadata.name);
  return Promise.all(pods.map((pod) => readIn(playground, pod, path)));
}

/** Runs a line as typed into a shell. `up` ends by Ctrl-C once both pods hold the file. */
async function type(line: string) {
  const env = { HOME: place.path, PATH: `${place.path}:${process.env["PATH"]}` };
  const child = spawn("sh", ["-c", `exec ${line}`], { cwd: place.path, env });
  const ending = ended(child);
  if (line.startsWith("kinsync up")) {
    await vi.waitUntil(async () => (await contents("src/main.py")).every((text) => text === "print(1)\n"), 20_000);
    child.kill("SIGINT");
  }
  return ending;
}

test("the page has the steps", () => {
  expect(commands.map((line) => line.split(" ")[1])).toEqual(["tree", "explain", "doctor", "plan", "up", "sync"]);
});

test.each(commands)("%s works as typed on a context that is not local", async (line) => {
  const { code, stdout, stderr } = await type(line);
  expect({ code, stderr }, stdout).toEqual({ code: line.startsWith("kinsync up") ? 130 : 0, stderr: "" });
});

test("after the steps, every container holds the file", async () => {
  expect(await contents("src/main.py")).toEqual(["print(1)\n", "print(1)\n"]);
});

test("the config of the page makes the main process of every container load its files again", async ({ skip }) => {
  // In a container without a PID namespace of its own, process 1 is that of this machine.
  if ((await playground.kubelet.confinement).kind !== "confined") skip("the container has no PID namespace of its own");
  const [, config = ""] = /^ {2}```yaml\n {2}# kinsync\.config\.yaml\n([\s\S]*?)^ {2}```/m.exec(PAGE) ?? [];
  await place.write("kinsync.config.yaml", config.replaceAll(/^ {2}/gm, "").replace("/app/src", "src"));
  await place.write("src/more.py", "print(2)\n");
  const { code, stdout } = await place.run(["sync", "--context", CONTEXT]);
  expect(code, stdout).toBe(0);
  await expect.poll(() => contents("hup"), { timeout: 5_000 }).toEqual(["reloaded\n", "reloaded\n"]);
});
