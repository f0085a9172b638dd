import { expect } from "vitest";
import { crash } from "../faults/crash-container.ts";
import { container, EMPTY, IDLE, pod, podSpec } from "../harness/manifests.ts";
import { containerOf } from "../harness/objects.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import type { Stage } from "../harness/fixture.ts";

situation("a native sidecar gets the files when it is named", {}, async (stage) => {
  const { project, world } = stage;
  const sidecar = container(world.image, undefined, { name: "sidecar", restartPolicy: "Always" });
  await stage.create(pod("x", podSpec(container(world.image), { initContainers: [sidecar] })));
  const [x] = await stage.running(1);
  if (x === undefined) throw new Error("one pod runs");
  await project.write("src/f.txt", "one\n");
  const once = await stage.sync("pod/x", { args: ["--container", "sidecar"] });
  expect(once.end.code).toBe(0);
  expect(await stage.look(x, "/app/src", "sidecar")).toEqual({ "f.txt": "file: one\n" });
  expect(await stage.look(x, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
});

situation(
  "a native sidecar that crashes beside a main container that goes on: the sidecar alone is caught up",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    const sidecar = container(world.image, undefined, { name: "sidecar", restartPolicy: "Always" });
    // The pod's own policy is about the main container alone.
    await stage.create(
      pod("x", podSpec(container(world.image), { initContainers: [sidecar], restartPolicy: "Never" })),
    );
    const [x] = await stage.running(1);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("pod/x", { args: ["--container", "sidecar"] });
    expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
    await stage.truth("pod/x", { x: "current" });

    await crash(kubectl, x, "sidecar");
    const after = await restarted(stage, "sidecar");
    await expect
      .poll(() => stage.look(after, "/app/src", "sidecar"), { timeout: 60_000, interval: 200 })
      .toEqual({ "f.txt": "file: one\n" });
    await stage.truth("pod/x", { x: "current" });
    expect(containerOf(after, "main")?.restartCount).toBe(0);
    expect(await stage.look(after, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
  },
);

situation(
  "an init container that runs: it gets files where it is named, and what it leaves in a volume is there before the main one starts",
  {},
  async (stage) => {
    const { project, world } = stage;
    const mounts = { volumeMounts: [{ name: "code", mountPath: "/app/src" }] };
    const wait = "while [ ! -e /app/src/go ]; do sleep 0.2; done";
    const init = container(world.image, wait, { name: "setup", ...mounts });
    // What was there when it started is what it shows afterwards.
    const main = container(world.image, `mkdir /app/seen; cp /app/src/* /app/seen; ${IDLE}`, mounts);
    const volumes = [{ name: "code", emptyDir: {} }];
    await stage.create(pod("x", podSpec(main, { initContainers: [init], volumes })));
    const [x] = await stage.running(1, "", "setup");
    if (x === undefined) throw new Error("one pod runs");
    await project.write("src/f.txt", "one\n");
    const once = await stage.sync("pod/x", { args: ["--wait", "2s"] });
    expect(once.end.code).toBe(4);
    expect(await stage.look(x, "/app/src", "setup")).toEqual({});
    await stage.truth("pod/x", { x: "current" });

    const kinsync = stage.up("pod/x", { args: ["--container", "setup"] });
    expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
    expect(await stage.look(x, "/app/src", "setup")).toEqual({ "f.txt": "file: one\n" });
    await project.write("src/go", "");
    const [after] = await stage.running(1);
    if (after === undefined) throw new Error("one pod runs");
    await expect
      .poll(() => stage.look(after, "/app/seen"), { timeout: 30_000, interval: 200 })
      .toEqual({ "f.txt": "file: one\n", go: "file: " });
    await stage.truth("pod/x", { x: "current" });

    const late = await stage.sync("pod/x", { args: ["--container", "setup", "--wait", "2s"] });
    expect(late.end.code).toBe(2);
    expect(`${late.end.stdout}${late.end.stderr}`).toMatch(/init container setup of pod x does not run now/);
    await project.write("src/f.txt", "two\n");
    expect((await stage.sync("pod/x")).end.code).toBe(0);
    await stage.same([after]);
  },
);

situation(
  "a debug container that joins a pod: it gets the files where it is named, and the others stay as they are",
  { needs: ["real"], unplayable: "its API has no ephemeral containers" },
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(pod("x", podSpec(container(world.image))));
    await stage.running(1);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("pod/x", { args: ["--container", "debug"] });
    await kinsync.ready();
    await stage.truth("pod/x", { x: "current" });

    const asked = ["--image", world.image, "--image-pull-policy", "IfNotPresent", "--container", "debug"];
    await kubectl.run(["debug", "pod/x", ...asked, "--profile", "general", "--", "sh", "-c", EMPTY]);
    const [x] = await stage.running(1, "", "debug");
    if (x === undefined) throw new Error("one pod runs");
    await expect
      .poll(() => stage.look(x, "/app/src", "debug"), { timeout: 60_000, interval: 200 })
      .toEqual({ "f.txt": "file: one\n" });
    await project.write("src/f.txt", "two\n");
    await expect
      .poll(() => stage.look(x, "/app/src", "debug"), { timeout: 60_000, interval: 200 })
      .toEqual({ "f.txt": "file: two\n" });
    expect(await stage.look(x, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
    await stage.truth("pod/x", { x: "current" });
  },
);

/** The only pod, when a container of it runs for the second time. */
async function restarted(stage: Stage, name: string): Promise<Pod> {
  return stage.until(`${name} runs again`, async () => {
    const [pod] = await stage.running(1, "", name);
    return pod !== undefined && containerOf(pod, name)?.restartCount === 1 && pod;
  });
}
