import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPlayground, podManifest, readIn, untilRunning, type Playground } from "../support/playground.ts";
import { Line } from "./line.ts";
import { deployment, jobSet, namesOf, runningPods, statefulSet, untilPods } from "./worlds.ts";

let playground: Playground;
let folder: string;

beforeEach(async () => {
  [playground, folder] = await Promise.all([createPlayground(), mkdtemp(join(tmpdir(), "kinsync-line-"))]);
  await mkdir(join(folder, "src"));
  await save("f.txt", "one");
});

afterEach(async () => {
  await Promise.all([playground.close(), rm(folder, { recursive: true, force: true })]);
});

function save(path: string, content: string): Promise<void> {
  return writeFile(join(folder, "src", path), content);
}

const mapped = (workload: string) => ({ workload, sync: [{ from: "src", to: "src" }] });

async function held(names: readonly string[], path = "src/f.txt"): Promise<Record<string, string | undefined>> {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readIn(playground, name, path)])));
}

const all = (names: readonly string[], content: string | undefined): Record<string, string | undefined> =>
  Object.fromEntries(names.map((name) => [name, content]));

describe("a JobSet", () => {
  test("has the file in head and workers alike, and in nobody else's pods", async () => {
    playground.apply([jobSet("train", 3), jobSet("train-2", 1)]);
    const pods = namesOf(await untilPods(playground, 6));
    const ours = pods.filter((name) => !name.startsWith("train-2-"));
    await using line = await Line.start({ playground, folder, workload: mapped("jobset/train") });
    await line.ready();
    await save("f.txt", "two");
    await line.untilSynced(2, 4);
    expect(await held(ours)).toEqual(all(ours, "two"));
    const others = pods.filter((name) => name.startsWith("train-2-"));
    expect(await held(others)).toEqual(all(others, undefined));
  });

  test("that starts over has all new pods caught up", async () => {
    playground.apply(jobSet("train", 2));
    const before = await untilPods(playground, 3);
    await using line = await Line.start({ playground, folder, workload: mapped("jobset/train") });
    await line.ready();
    await save("f.txt", "two");
    await line.untilSynced(2, 3);
    playground.kubelet.killContainer("default", namesOf(before)[0] ?? "", "main");
    const uids = new Set(before.map((pod) => pod.metadata.uid));
    const after = await playground.until(
      () => {
        const pods = runningPods(playground).filter((pod) => !uids.has(pod.metadata.uid));
        return pods.length === 3 ? pods : undefined;
      },
      { what: "three pods of the next attempt", timeout: 20_000 },
    );
    await line.untilSynced(2, 6);
    const names = namesOf(after);
    expect(await held(names)).toEqual(all(names, "two"));
  });

  test("gives a role its own file", async () => {
    playground.apply(jobSet("train", 2));
    const names = namesOf(await untilPods(playground, 3));
    await writeFile(join(folder, "head.yaml"), "role: head");
    await using line = await Line.start({
      playground,
      folder,
      workload: { workload: "jobset/train", sync: [{ from: "head.yaml", to: "etc/config.yaml", roles: ["head"] }] },
    });
    await line.ready();
    const expected = names.map((name) => [name, name.includes("-head-") ? "role: head" : undefined]);
    expect(await held(names, "etc/config.yaml")).toEqual(Object.fromEntries(expected));
  });
});

describe("a Deployment", () => {
  test("in the middle of a rollback gives the file to the pods of the older ReplicaSet that is used again, and to them alone", async () => {
    playground.apply(deployment("web", 3, "1"));
    await untilPods(playground, 3);
    playground.apply(deployment("web", 3, "2"));
    await playground.until(
      () =>
        runningPods(playground).length === 3 &&
        runningPods(playground).every((pod) => pod.metadata.annotations?.["revision"] === "2"),
      { what: "the second revision", timeout: 20_000 },
    );
    // A third revision that never gets ready would do; a rollback whose new pods cannot be scheduled stays in its middle.
    const superseded = namesOf(runningPods(playground));
    const back = deployment("web", 3, "1");
    playground.apply(back);
    await using line = await Line.start({ playground, folder, workload: mapped("deploy/web") });
    await playground.until(
      () => runningPods(playground).some((pod) => pod.metadata.annotations?.["revision"] === "1"),
      {
        what: "a pod of the first revision again",
        timeout: 20_000,
      },
    );
    await line.until("a current pod has it", () => line.synced(1).length > 0);
    for (const name of line.synced(1)) expect(superseded).not.toContain(name);
    await playground.until(
      () =>
        runningPods(playground).length === 3 &&
        runningPods(playground).every((pod) => !superseded.includes(pod.metadata.name)),
      { what: "the end of the rollback", timeout: 20_000 },
    );
    await line.untilSynced(1, 3);
    const names = namesOf(runningPods(playground));
    expect(await held(names)).toEqual(all(names, "one"));
  });

  test("does not serve a pod that was released by a change of its label, and serves the one that takes its place", async () => {
    playground.apply(deployment("web", 2, "1"));
    const [first] = await untilPods(playground, 2);
    if (first === undefined) throw new Error("no pod");
    await using line = await Line.start({ playground, folder, workload: mapped("deploy/web") });
    await line.ready();
    playground.apply({ ...first, metadata: { ...first.metadata, labels: { ...first.metadata.labels, app: "other" } } });
    await line.until("it is gone", (events) =>
      events.some((event) => event.event === "member" && event.pod === first.metadata.name && event.state === "gone"),
    );
    await untilPods(playground, 3);
    await line.untilSynced(1, 3);
    await save("f.txt", "two");
    await line.untilSynced(2, 2);
    expect(line.synced(2)).not.toContain(first.metadata.name);
    expect(await readIn(playground, first.metadata.name, "src/f.txt")).toBe("one");
  });
});

describe("a StatefulSet", () => {
  test("with a partition serves the pods that are kept and those that are current, and tells them apart", async () => {
    playground.apply(statefulSet("db", 3, "1"));
    await untilPods(playground, 3);
    playground.apply(statefulSet("db", 3, "2", 2));
    await playground.until(
      () => {
        const pods = runningPods(playground);
        return pods.length === 3 && pods.filter((pod) => pod.metadata.annotations?.["revision"] === "2").length === 1;
      },
      { what: "db-2 at the second revision", timeout: 20_000 },
    );
    await using line = await Line.start({ playground, folder, workload: mapped("sts/db") });
    await line.untilSynced(1, 3);
    const names = ["db-0", "db-1", "db-2"];
    expect(await held(names)).toEqual(all(names, "one"));
    const states = new Map(
      line.events.flatMap((event) => (event.event === "member" ? [[event.pod, event.state] as const] : [])),
    );
    expect(Object.fromEntries(states)).toEqual({ "db-0": "kept", "db-1": "kept", "db-2": "current" });
  });

  test("whose pod comes back under its name has the new one caught up", async () => {
    playground.apply(statefulSet("db", 1, "1"));
    await untilPods(playground, 1);
    await using line = await Line.start({ playground, folder, workload: mapped("sts/db") });
    await line.ready();
    const uid = playground.replacePod("default", "db-0");
    await playground.until(() => runningPods(playground).some((pod) => pod.metadata.uid !== uid), {
      what: "another db-0",
      timeout: 20_000,
    });
    await line.until("the new one has it", (events) =>
      events.some((event) => event.event === "synced" && event.uid !== uid),
    );
    expect(await readIn(playground, "db-0", "src/f.txt")).toBe("one");
  });
});

test("a container that died and came back with an empty folder has everything again", async () => {
  playground.apply(podManifest({ name: "alone" }));
  await untilRunning(playground, "alone");
  await using line = await Line.start({ playground, folder, workload: mapped("pod/alone") });
  await line.ready();
  playground.kubelet.killContainer("default", "alone", "main");
  await line.until("twice synced", (events) => events.filter((event) => event.event === "synced").length >= 2);
  expect(await readIn(playground, "alone", "src/f.txt")).toBe("one");
});

test("a workload that is deleted and applied again under its name is followed", async () => {
  playground.apply(deployment("web", 1, "1"));
  const [before] = namesOf(await untilPods(playground, 1));
  await using line = await Line.start({ playground, folder, workload: mapped("deploy/web") });
  await line.ready();
  playground.store.delete("deployments.apps", "default", "web", { propagation: "Background" });
  await playground.until(() => playground.store.list("pods", "default").length === 0, {
    what: "no pod",
    timeout: 20_000,
  });
  playground.apply(deployment("web", 1, "1"));
  const [after] = namesOf(await untilPods(playground, 1));
  await line.until("the new pod has it", () => line.synced(1).includes(after ?? ""));
  expect(after).not.toBe(before);
  expect(await readIn(playground, after ?? "", "src/f.txt")).toBe("one");
});
