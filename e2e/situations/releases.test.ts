import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import { container, deployment, IDLE, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

const TO = "/work/src";

async function upInMode(fixture: Fixture, mode: "auto" | "manual"): Promise<readonly Pod[]> {
  const main = container(fixture.cluster.image, IDLE);
  await fixture.create(deployment("web", 2, podSpec(main)));
  const pods = await fixture.running(2);
  const workloads = [{ workload: "deploy/web", mode, sync: [{ from: "src", to: TO }] }];
  await fixture.project.writeAll({ "src/f.txt": "one\n", "kinsync.config.json": JSON.stringify({ workloads }) });
  expect(await fixture.start(["up", "-o", "json"]).ready()).toMatchObject({ targets: 2, synced: 2 });
  return pods;
}

/** Runs one command beside `up`, in the same folder. */
async function ask(fixture: Fixture, ...argv: readonly string[]): Promise<string> {
  const { code, stdout } = await fixture.start(argv).ended;
  expect(code, stdout).toBe(0);
  return stdout;
}

async function expectFile({ kubectl }: Fixture, pods: readonly Pod[], text: string): Promise<void> {
  for (const { metadata } of pods) {
    const read = () => kubectl.run(["exec", metadata.name, "--", "cat", `${TO}/f.txt`]).catch(String);
    // A pod that has just started may not have been seen by `up` yet.
    await expect.poll(read, { timeout: 30_000 }).toBe(text);
  }
}

situation(
  "in manual mode pods hold what was released, also one that starts later",
  { timeout: 180_000 },
  async (fixture) => {
    const { kubectl, project } = fixture;
    const pods = await upInMode(fixture, "manual");
    await project.write("src/f.txt", "two\n");
    await expect.poll(() => ask(fixture, "status"), { timeout: 10_000 }).toMatch(/1 change waits/);
    await kubectl.run(["scale", "deploy/web", "--replicas=3"]);
    const all = await fixture.running(3);
    await ask(fixture, "wait", "--snapshot", "1");
    await expectFile(fixture, all, "one\n");

    await ask(fixture, "trigger");
    await ask(fixture, "wait");
    await expectFile(fixture, all, "two\n");
    expect(all.map(({ metadata }) => metadata.uid)).toEqual(
      expect.arrayContaining(pods.map((each) => each.metadata.uid)),
    );
  },
);

situation(
  "undo reaches every pod, also one that starts later, until the next save",
  { timeout: 180_000 },
  async (fixture) => {
    const { kubectl, project } = fixture;
    const pods = await upInMode(fixture, "auto");
    await project.write("src/f.txt", "two\n");
    await ask(fixture, "wait");
    await expectFile(fixture, pods, "two\n");

    await ask(fixture, "undo");
    await ask(fixture, "wait", "--snapshot", "3");
    await expectFile(fixture, pods, "one\n");
    await kubectl.run(["scale", "deploy/web", "--replicas=3"]);
    const all = await fixture.running(3);
    await ask(fixture, "wait", "--snapshot", "3");
    await expectFile(fixture, all, "one\n");
    expect(await ask(fixture, "history")).toMatch(/\* 3 .*undo to 1/);

    await project.write("src/f.txt", "three\n");
    await ask(fixture, "wait");
    await expectFile(fixture, all, "three\n");
  },
);
