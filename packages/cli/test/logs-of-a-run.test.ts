import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createPlayground, IDLE, podManifest, untilRunning, type Playground } from "./support/playground.ts";
import { createWorkplace, type Workplace } from "./support/run.ts";

let playground: Playground;
let place: Workplace;

/** Prints the file whenever it changes. */
const PROGRAM = `cd /app; echo before; last=; while :; do now=$(cat src/f.txt 2>/dev/null); [ "$now" = "$last" ] || echo "read $now"; last=$now; sleep 0.05; done & ${IDLE}`;

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace({ "src/f.txt": "one\n" });
  playground.apply(podManifest({ name: "app", container: { command: ["sh", "-c", PROGRAM] } }));
  await untilRunning(playground, "app");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

interface Running {
  readonly lines: () => readonly string[];
  readonly end: () => Promise<number>;
}

function up(...argv: readonly string[]): Running {
  const child = place.spawn(["up", "pod/app", "--sync", "src:/app/src", "--logs", ...argv], {
    env: { KUBECONFIG: playground.kubeconfigPath },
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  return {
    lines: () => stdout.split("\n"),
    end: async () => {
      child.kill("SIGINT");
      return await new Promise((resolve) => child.once("close", resolve));
    },
  };
}

test("`up --logs` shows what containers write from its start on, and a mark where a snapshot landed", async () => {
  await place.write("src/f.txt", "one\n");
  const run = up();
  const logs = (): readonly string[] => run.lines().filter((line) => line.startsWith("app | "));
  await vi.waitFor(() => expect(logs()).toContain("app | read one"), 20_000);
  await place.write("src/f.txt", "two\n");
  await vi.waitFor(() => expect(logs()).toContain("app | read two"), 20_000);
  expect(await run.end()).toBe(130);
  expect(logs()).not.toContain("app | before");
  expect(logs().filter((line) => line.includes("snapshot"))).toEqual([
    "app | -- snapshot 1 --",
    "app | -- snapshot 2 --",
  ]);
  // Both come within milliseconds, by two connections.
  expect(logs().indexOf("app | -- snapshot 2 --")).toBeGreaterThan(logs().indexOf("app | read one"));
});

test("with -o json a line is an event among the others", async () => {
  await place.write("src/f.txt", "three\n");
  const run = up("-o", "json");
  const events = (): readonly Record<string, unknown>[] =>
    run.lines().flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
  await vi.waitFor(
    () => expect(events()).toContainEqual(expect.objectContaining({ event: "log", text: "read three", pod: "app" })),
    20_000,
  );
  await run.end();
  expect(events().some(({ event }) => event === "synced")).toBe(true);
});
