import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestCluster } from "./support/cluster.ts";
import { podManifest, readIn, untilRunning } from "./support/playground.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
  cluster.playground.apply(podManifest({ name: "other" }));
  await untilRunning(cluster.playground, "other");
});

afterAll(() => cluster[Symbol.asyncDispose]());

const config = (...pods: readonly string[]): string =>
  `workloads: [${pods.map((pod) => `{ workload: pod/${pod}, sync: [{ from: src, to: src }] }`).join(", ")}]\n`;

/** Runs `up`, adds `pod/other` to the config, and saves a file. */
async function upWithAnother(...flags: readonly string[]): Promise<string> {
  const { place, playground } = cluster;
  const stop = new AbortController();
  await place.write("kinsync.config.yaml", config("app"));
  await place.write("src/main.py", "print(1)\n");
  const env = { KUBECONFIG: playground.kubeconfigPath };
  const up = place.run(["up", ...flags], { env, signal: stop.signal });
  const holds = (pod: string, content: string) =>
    vi.waitFor(async () => expect(await readIn(playground, pod, "src/main.py")).toBe(content), 20_000);
  await holds("app", "print(1)\n");
  await place.write("kinsync.config.yaml", config("app", "other"));
  await holds("other", "print(1)\n");
  await place.write("src/main.py", "print(2)\n");
  await Promise.all(["app", "other"].map((pod) => holds(pod, "print(2)\n")));
  stop.abort(new Error("interrupted"));
  return (await up).stdout;
}

test("a workload that the config gets while `up` runs is named in its lines, and so is the first one from then on", async () => {
  const stdout = await upWithAnother();
  const lines = stdout.split("\n");
  const at = lines.findIndex((line) => line.includes("kinsync.config.yaml changed: started pod/other"));
  expect(lines[at], stdout).toMatch(/^note: /);
  expect(
    lines.slice(0, at).some((line) => line.startsWith("pod/app: ")),
    stdout,
  ).toBe(false);
  for (const pod of ["app", "other"]) {
    expect(
      lines.slice(at).some((line) => line.startsWith(`pod/${pod}: main.py changed`)),
      stdout,
    ).toBe(true);
  }
});

test("in JSON, the note about a change of the config has the code `config`", async () => {
  const events = (await upWithAnother("-o", "json"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(events).toContainEqual(
    expect.objectContaining({
      event: "note",
      code: "config",
      reason: "kinsync.config.yaml changed: started pod/other",
    }),
  );
});
