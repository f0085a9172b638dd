import { expect } from "vitest";
import { crashContainer } from "../faults/crash-container.ts";
import type { Fixture } from "../harness/fixture.ts";
import { container, EMPTY, IDLE, pod, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { containerOf } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

situation("a native sidecar is updated when it is selected", {}, async (fixture) => {
  const { cluster, project } = fixture;
  const sidecar = container(cluster.image, undefined, { name: "sidecar", restartPolicy: "Always" });
  await fixture.create(pod("x", podSpec(container(cluster.image), { initContainers: [sidecar] })));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  await project.write("src/f.txt", "one\n");
  const once = await fixture.sync("pod/x", { args: ["--container", "sidecar"] });
  expect(once.end.code).toBe(0);
  expect(await fixture.list(x, "/app/src", "sidecar")).toEqual({ "f.txt": "file: one\n" });
  expect(await fixture.list(x, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
});

situation("only the sidecar that crashed is updated again", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const sidecar = container(cluster.image, undefined, { name: "sidecar", restartPolicy: "Always" });
  // The restart policy of the pod applies to the main container only.
  await fixture.create(
    pod("x", podSpec(container(cluster.image), { initContainers: [sidecar], restartPolicy: "Never" })),
  );
  const [x] = await fixture.running(1);
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("pod/x", { args: ["--container", "sidecar"] });
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  await fixture.expectMembers("pod/x", { x: "current" });

  await crashContainer(kubectl, x, "sidecar");
  const after = await restarted(fixture, "sidecar");
  await expect
    .poll(() => fixture.list(after, "/app/src", "sidecar"), { timeout: 60_000, interval: 200 })
    .toEqual({ "f.txt": "file: one\n" });
  await fixture.expectMembers("pod/x", { x: "current" });
  expect(containerOf(after, "main")?.restartCount).toBe(0);
  expect(await fixture.list(after, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
});

situation("a running init container is updated when it is selected", {}, async (fixture) => {
  const { cluster, project } = fixture;
  const mounts = { volumeMounts: [{ name: "code", mountPath: "/app/src" }] };
  const wait = "while [ ! -e /app/src/go ]; do sleep 0.2; done";
  const init = container(cluster.image, wait, { name: "setup", ...mounts });
  // Copies the files that exist when it starts.
  const main = container(cluster.image, `mkdir /app/seen; cp /app/src/* /app/seen; ${IDLE}`, mounts);
  const volumes = [{ name: "code", emptyDir: {} }];
  await fixture.create(pod("x", podSpec(main, { initContainers: [init], volumes })));
  const [x] = await fixture.running(1, "", "setup");
  if (x === undefined) throw new Error("no pod runs");
  await project.write("src/f.txt", "one\n");
  const once = await fixture.sync("pod/x", { args: ["--wait", "2s"] });
  expect(once.end.code).toBe(4);
  expect(await fixture.list(x, "/app/src", "setup")).toEqual({});
  await fixture.expectMembers("pod/x", { x: "current" });

  const kinsync = fixture.up("pod/x", { args: ["--container", "setup"] });
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  expect(await fixture.list(x, "/app/src", "setup")).toEqual({ "f.txt": "file: one\n" });
  await project.write("src/go", "");
  const [after] = await fixture.running(1);
  if (after === undefined) throw new Error("no pod runs");
  await expect
    .poll(() => fixture.list(after, "/app/seen"), { timeout: 30_000, interval: 200 })
    .toEqual({ "f.txt": "file: one\n", go: "file: " });
  await fixture.expectMembers("pod/x", { x: "current" });

  const late = await fixture.sync("pod/x", { args: ["--container", "setup", "--wait", "2s"] });
  expect(late.end.code).toBe(2);
  expect(`${late.end.stdout}${late.end.stderr}`).toMatch(/init container setup of pod x does not run now/);
  await project.write("src/f.txt", "two\n");
  expect((await fixture.sync("pod/x")).end.code).toBe(0);
  await fixture.untilSame([after]);
});

situation(
  "a debug container is updated when it joins a pod",
  { needs: ["real"], skippedOnPlayground: "its API has no ephemeral containers" },
  async (fixture) => {
    const { cluster, kubectl, project } = fixture;
    await fixture.create(pod("x", podSpec(container(cluster.image))));
    await fixture.running(1);
    await fixture.upWithFile("pod/x", { args: ["--container", "debug"] });
    await fixture.expectMembers("pod/x", { x: "current" });

    const options = ["--image", cluster.image, "--image-pull-policy", "IfNotPresent", "--container", "debug"];
    await kubectl.run(["debug", "pod/x", ...options, "--profile", "general", "--", "sh", "-c", EMPTY]);
    const [x] = await fixture.running(1, "", "debug");
    if (x === undefined) throw new Error("no pod runs");
    await expect
      .poll(() => fixture.list(x, "/app/src", "debug"), { timeout: 60_000, interval: 200 })
      .toEqual({ "f.txt": "file: one\n" });
    await project.write("src/f.txt", "two\n");
    await expect
      .poll(() => fixture.list(x, "/app/src", "debug"), { timeout: 60_000, interval: 200 })
      .toEqual({ "f.txt": "file: two\n" });
    expect(await fixture.list(x, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
    await fixture.expectMembers("pod/x", { x: "current" });
  },
);

/** Waits until a container of the only pod runs for the second time. */
async function restarted(fixture: Fixture, name: string): Promise<Pod> {
  return fixture.until(`${name} runs again`, async () => {
    const [pod] = await fixture.running(1, "", name);
    return pod !== undefined && containerOf(pod, name)?.restartCount === 1 && pod;
  });
}
