import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createPlayground, IDLE, podManifest, untilRunning, type Playground } from "../support/playground.ts";
import { createWorkplace, type Ran, type Workplace } from "../support/run.ts";

let playground: Playground;
let place: Workplace;

/** Writes what a file tells it to, so that a test decides when a line comes. */
const WRITER = `echo started; touch say; tail -f say & ${IDLE}`;

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace();
  playground.apply({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default" },
    spec: {
      replicas: 2,
      serviceName: "db",
      podManagementPolicy: "Parallel",
      selector: { matchLabels: { app: "db" } },
      template: {
        metadata: { labels: { app: "db" } },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [
            { name: "main", image: "playground/busybox", command: ["sh", "-c", `echo one; echo two; ${IDLE}`] },
            { name: "side", image: "playground/busybox", command: ["sh", "-c", `echo beside; ${IDLE}`] },
          ],
        },
      },
    },
  });
  await untilRunning(playground, "db-0", "db-1");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

async function run(line: string, signal?: AbortSignal): Promise<Ran> {
  const env = { KUBECONFIG: playground.kubeconfigPath };
  return await place.run(line.split(" "), { env, ...(signal === undefined ? {} : { signal }) });
}

/** Lines in any order: containers of a test start at the same moment. */
function sorted(text: string): readonly string[] {
  return text.trimEnd().split("\n").toSorted();
}

test("the lines of all members come in one stream, with the member in front, and the command ends with 0", async () => {
  const { code, stdout, stderr } = await run("logs sts/db");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(sorted(stdout)).toEqual(["0 | one", "0 | two", "1 | one", "1 | two"]);
});

test("--container and --tail choose what is read", async () => {
  expect(sorted((await run("logs sts/db -c side")).stdout)).toEqual(["0 | beside", "1 | beside"]);
  expect(sorted((await run("logs sts/db --tail 1")).stdout)).toEqual(["0 | two", "1 | two"]);
  const none = await run("logs sts/db -c nothing");
  expect(none.stdout).toMatch(/0 \| -- pod db-0 has no container named nothing; it has main, side --/);
});

test("-o json prints an object for each line", async () => {
  const { stdout } = await run("logs sts/db --tail 1 -o json");
  const [entry] = stdout.split("\n").map((line) => JSON.parse(line === "" ? "{}" : line) as Record<string, unknown>);
  expect(entry).toMatchObject({
    event: "log",
    workload: "sts/db",
    namespace: "default",
    container: "main",
    text: "two",
  });
  expect(entry?.["time"]).toMatch(/^\d{4}-.*\.\d{9}Z$/);
  expect(Object.keys(entry ?? {})).toEqual(expect.arrayContaining(["pod", "uid", "index"]));
});

test("a workload without a member ends with 4 and says where to look", async () => {
  playground.apply({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "none", namespace: "default" },
    spec: {
      replicas: 0,
      serviceName: "none",
      selector: { matchLabels: { app: "none" } },
      template: { metadata: { labels: { app: "none" } }, spec: { containers: [{ name: "main", image: "x" }] } },
    },
  });
  const { code, stderr } = await run("logs sts/none");
  expect({ code, stderr }).toEqual({
    code: 4,
    stderr: "note: the workload has no member; `kinsync tree` shows the members and why\n",
  });
});

test("--follow goes on through a restart until Ctrl-C, and then ends quietly with 130", async () => {
  playground.apply(podManifest({ name: "writer", container: { command: ["sh", "-c", WRITER] } }));
  await untilRunning(playground, "writer");
  const child = place.spawn(["logs", "pod/writer", "-f"], { env: { KUBECONFIG: playground.kubeconfigPath } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await vi.waitFor(() => expect(stdout).toBe("writer | started\n"), 20_000);
  playground.kubelet.killContainer("default", "writer", "main");
  await vi.waitFor(
    () => expect(stdout).toBe("writer | started\nwriter | -- the container restarted --\nwriter | started\n"),
    20_000,
  );
  child.kill("SIGINT");
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
});

test("--follow with --previous is refused", async () => {
  const { code, stderr } = await run("logs sts/db -f -p");
  expect(code).toBe(2);
  expect(stderr).toMatch(/--previous cannot be followed/);
});

test("without the permission the message names the rule and the command that prints it", async () => {
  const allow = playground.faults.deny({ resource: "pods", subresource: "log" });
  try {
    const { code, stderr } = await run("logs sts/db");
    expect(code).toBe(5);
    expect(stderr).toMatch(/KINSYNC_CLUSTER_FORBIDDEN: Cannot read the log of container main of pod default\/db-/);
    expect(stderr).toMatch(/resources: \["pods\/log"\], verbs: \["get"\]/);
  } finally {
    allow[Symbol.dispose]();
  }
  const { stdout } = await run("rbac sts/db --logs");
  expect(stdout).toMatch(/- pods\/log\n/);
  expect((await run("rbac sts/db")).stdout).not.toMatch(/- pods\/log/);
});
