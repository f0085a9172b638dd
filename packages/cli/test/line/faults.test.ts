import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPlayground, podManifest, readIn, untilRunning, type Playground } from "../support/playground.ts";
import { Line } from "./line.ts";
import { deployment, namesOf, untilPods } from "./worlds.ts";

let playground: Playground;
let folder: string;
const pods = ["a", "b"];
const workload = { workload: "pod/a", sync: [{ from: "src", to: "src" }] };

beforeEach(async () => {
  [playground, folder] = await Promise.all([createPlayground(), mkdtemp(join(tmpdir(), "kinsync-line-"))]);
  await mkdir(join(folder, "src"));
  await save("one");
  playground.apply(pods.map((name) => podManifest({ name })));
  await untilRunning(playground, ...pods);
});

afterEach(async () => {
  await Promise.all([playground.close(), rm(folder, { recursive: true, force: true })]);
});

function save(content: string, path = "f.txt"): Promise<void> {
  return writeFile(join(folder, "src", path), content);
}

function untilRead(line: Line, content: string, pod = "a"): Promise<void> {
  return line.untilTrue(`${pod} has ${content}`, async () => (await readIn(playground, pod, "src/f.txt")) === content);
}

describe("a save arrives although", () => {
  test.each([
    ["the connection is dropped while idle", (): void => void playground.faults.endExec("drop")],
    ["the stream ends with Success, as when a kubelet dies", (): void => void playground.faults.endExec("success")],
    ["all watches are cut", (): void => void playground.faults.cutWatches()],
    ["all resource versions have expired", (): void => playground.faults.expireResourceVersions()],
  ])("%s", async (_, fault) => {
    await using line = await Line.start({ playground, folder, workload });
    await line.ready();
    fault();
    await save("two");
    await untilRead(line, "two");
  });

  test("the connection breaks at any byte on the way in", { timeout: 120_000 }, async () => {
    await using line = await Line.start({ playground, folder, workload });
    await line.ready();
    for (const [round, afterBytes] of [0, 1, 60, 300, 700, 1_100, 1_600, 2_500, 4_000].entries()) {
      playground.faults.endExec("drop");
      using _ = playground.faults.cutExec({ direction: "stdin", afterBytes: afterBytes + 3_000 });
      const content = `round ${round} ${"x".repeat(2_000)}`;
      await save(content);
      await untilRead(line, content);
    }
  });

  test("the answers break off at any byte on the way out", { timeout: 120_000 }, async () => {
    await using line = await Line.start({ playground, folder, workload });
    await line.ready();
    for (const [round, afterBytes] of [0, 1, 40, 90, 150, 300, 600].entries()) {
      playground.faults.endExec("drop");
      using _ = playground.faults.cutExec({ direction: "stdout", afterBytes });
      await save(`round ${round}`);
      await untilRead(line, `round ${round}`);
    }
  });

  test("the API server is away when it is made, since the open session is not", async () => {
    await using line = await Line.start({ playground, folder, workload });
    await line.ready();
    await playground.faults.pause();
    await save("two");
    await untilRead(line, "two");
    await playground.faults.resume();
    await save("three");
    await untilRead(line, "three");
  });

  test("the API server and the sessions were away for a while", async () => {
    await using line = await Line.start({ playground, folder, workload });
    await line.ready();
    await playground.faults.pause({ sessions: "cut" });
    await save("two");
    await line.until("it is told", (events) => events.some((event) => event.event === "retry"));
    await playground.faults.resume();
    await untilRead(line, "two");
  });
});

test("a permission that is taken away is named, what works goes on, and its return is noticed", async () => {
  await using line = await Line.start({ playground, folder, workload });
  await line.ready();
  using _ = playground.faults.deny({ verb: "get", resource: "pods", subresource: "exec" });
  await save("two");
  await untilRead(line, "two");
  playground.faults.endExec("drop");
  await line.until("the verb is named", (events) =>
    events.some(
      (event) => (event.event === "retry" || event.event === "failed") && event.code === "KINSYNC_CLUSTER_FORBIDDEN",
    ),
  );
  playground.faults.allow();
  await save("three");
  await untilRead(line, "three");
});

test("one member that cannot be served is named, and the others have the file", async () => {
  playground.apply(deployment("web", 3, "1"));
  const names = namesOf((await untilPods(playground, 5)).filter((pod) => pod.metadata.name.startsWith("web-")));
  const bad =
    playground.store.list("pods", "default").find((pod) => pod.metadata.name.startsWith("web-"))?.metadata.name ?? "";
  using _ = playground.faults.respond({ resource: "pods", subresource: "exec", name: bad }, { code: 500 });
  await using line = await Line.start({ playground, folder, workload: { ...workload, workload: "deploy/web" } });
  await line.untilSynced(1, 2);
  await line.until("it is named", (events) => events.some((event) => event.event === "retry" && event.pod === bad));
  const good = names.filter((name) => name.startsWith("web-") && name !== bad);
  for (const name of good) expect(await readIn(playground, name, "src/f.txt")).toBe("one");
});

test("a slow member does not keep a fast one waiting", async () => {
  playground.apply(deployment("web", 2, "1"));
  await untilPods(playground, 4);
  const names = namesOf(playground.store.list("pods", "default")).filter((name) => name.startsWith("web-"));
  const [slow = "", fast = ""] = names;
  using _ = playground.faults.stallExec({ pod: slow });
  await using line = await Line.start({ playground, folder, workload: { ...workload, workload: "deploy/web" } });
  await line.untilSynced(1, 1);
  expect(line.synced(1)).toEqual([fast]);
  await save("two");
  await untilRead(line, "two", fast);
});

test("of two runs the later one has the container, and the earlier one halts and names it", async () => {
  await using first = await Line.start({ playground, folder, workload, owner: "ada@laptop" });
  await first.ready();
  await using second = await Line.start({ playground, folder, workload, owner: "bob@desk" });
  await second.ready();
  await save("two");
  await first.until("halted", (events) => events.some((event) => event.event === "halted"));
  expect(first.events.find((event) => event.event === "halted")).toMatchObject({
    pod: "a",
    code: "KINSYNC_TARGET_TAKEN",
    reason: expect.stringContaining("bob@desk") as string,
  });
  await untilRead(second, "two");
  expect(await readIn(playground, "a", "src/f.txt")).toBe("two");
  expect(second.events.some((event) => event.event === "halted")).toBe(false);
});

test("a run is ended at any moment within a second, and leaves nothing open", async () => {
  for (const events of [0, 1, 2, 3, 5, 7]) {
    const line = await Line.start({ playground, folder, workload });
    await line.until("some events", (seen) => seen.length >= events);
    const began = performance.now();
    const summary = await line.stop();
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(summary?.event).toBe("summary");
    await line[Symbol.asyncDispose]();
  }
});

test("once ends with the tree in every eligible container, and says so", async () => {
  await using line = await Line.start({ playground, folder, workload, mode: "once" });
  const [summary] = await line.ended;
  expect(summary).toMatchObject({ targets: 1, synced: 1, stale: 0, failed: 0, halted: 0 });
  expect(await readIn(playground, "a", "src/f.txt")).toBe("one");
});

test("once with nobody to serve ends after its wait", async () => {
  playground.apply(deployment("none", 0, "1"));
  await using line = await Line.start({
    playground,
    folder,
    workload: { ...workload, workload: "deploy/none" },
    mode: "once",
    wait: 300,
  });
  const [summary] = await line.ended;
  expect(summary).toMatchObject({ targets: 0, synced: 0 });
  expect(line.events.filter((event) => event.event === "ready")).toHaveLength(1);
  expect(
    line.events.some((event) => event.event === "note" && event.reason.startsWith("0 of 0 members are current")),
  ).toBe(true);
});

test("once waits for a container that is still starting", async () => {
  const starting = {
    initContainers: [{ name: "first", image: "playground/busybox", command: ["sh", "-c", "sleep 0.7"] }],
  };
  playground.apply(podManifest({ name: "late", spec: starting }));
  await using line = await Line.start({
    playground,
    folder,
    workload: { ...workload, workload: "pod/late" },
    mode: "once",
  });
  const [summary] = await line.ended;
  expect(summary).toMatchObject({ targets: 1, synced: 1, waiting: 0 });
  expect(await readIn(playground, "late", "src/f.txt")).toBe("one");
});

test("once does not cut off a transfer that moves, however short its wait is", async () => {
  await save("0123456789abcdef".repeat(40_000), "big.bin");
  using _ = playground.faults.slowExec({ bytesPerSecond: 400_000, direction: "stdin" });
  await using line = await Line.start({ playground, folder, workload, mode: "once", wait: 100 });
  const [summary] = await line.ended;
  expect(summary).toMatchObject({ targets: 1, synced: 1 });
  expect((await readIn(playground, "a", "src/big.bin"))?.length).toBe(640_000);
});
