import { expect } from "vitest";
import { container, EMPTY, IDLE, pod, podSpec, SEED } from "../harness/manifests.ts";
import { situation } from "../harness/situation.ts";

situation("a bare pod", {}, async (stage) => {
  const { project, world } = stage;
  await stage.create(pod("x", podSpec(container(world.image))), pod("y", podSpec(container(world.image))));
  const [x, y] = await stage.running(2);
  if (x === undefined || y === undefined) throw new Error("two pods run");
  await stage.truth("pod/x", { x: "current" });
  await project.write("src/f.txt", "one\n");
  const kinsync = stage.up("pod/x");
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  await stage.save(kinsync, "f.txt", "two\n", [x]);
  expect(await stage.look(y)).toEqual({ "f.txt": "file: old\n" });
  await stage.truth("pod/x", { x: "current" });
});

situation(
  "several containers: the one that the annotation names gets the files, or the one that is asked for",
  {},
  async (stage) => {
    const { project, world } = stage;
    const both = [container(world.image), container(world.image, undefined, { name: "second" })];
    const manifest = pod("x", podSpec(both));
    const annotations = { "kubectl.kubernetes.io/default-container": "second" };
    await stage.create({ ...manifest, metadata: { ...manifest.metadata, annotations } });
    const [x] = await stage.running(1, "", "second");
    if (x === undefined) throw new Error("one pod runs");
    await project.write("src/f.txt", "one\n");
    const once = await stage.sync("pod/x");
    expect(once.end.code).toBe(0);
    expect(await stage.look(x, "/app/src", "second")).toEqual({ "f.txt": "file: one\n" });
    expect(await stage.look(x, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
    const other = await stage.sync("pod/x", { args: ["--container", "main"] });
    expect(other.end.code).toBe(0);
    expect(await stage.look(x, "/app/src", "main")).toEqual({ "f.txt": "file: one\n" });
  },
);

situation(
  "a user other than root: a volume that it may write to is served, a folder of root's is a named failure",
  { needs: ["real"] },
  async (stage) => {
    const { project, world } = stage;
    const securityContext = { runAsUser: 1000, runAsGroup: 1000, allowPrivilegeEscalation: false };
    const user = container(world.image, IDLE, {
      securityContext,
      volumeMounts: [{ name: "code", mountPath: "/app/src" }],
    });
    await stage.create(
      pod("x", podSpec(user, { volumes: [{ name: "code", emptyDir: {} }] })),
      pod("y", podSpec(container(world.image, IDLE, { securityContext }))),
    );
    const [x] = await stage.running(2);
    if (x === undefined) throw new Error("two pods run");
    await project.write("src/f.txt", "one\n");
    expect((await stage.sync("pod/x")).end.code).toBe(0);
    expect(await stage.look(x)).toEqual({ "f.txt": "file: one\n" });
    const refused = await stage.sync("pod/y", { sync: ["src:/etc/kinsync"] });
    expect(refused.end.code).toBe(3);
    expect(refused.events.find(({ event }) => event === "failed")).toMatchObject({
      pod: "y",
      code: "KINSYNC_TARGET_DENIED",
    });
  },
);

situation("a volume without room: what was there stays, and it is caught up when there is room", {}, async (stage) => {
  const { project, world } = stage;
  const tiny = container(world.image, `echo old >/app/src/f.txt; ${IDLE}`, {
    volumeMounts: [{ name: "code", mountPath: "/app/src" }],
  });
  const volumes = [{ name: "code", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }];
  await stage.create(pod("x", podSpec(tiny, { volumes })));
  const pods = await stage.running(1);
  await project.write("src/f.txt", "one\n");
  const kinsync = stage.up("pod/x");
  await kinsync.ready();
  await stage.same(pods);

  const since = kinsync.mark();
  await project.write("src/big.bin", Buffer.alloc(4 << 20, "x"));
  await kinsync.until(
    "there is no room",
    ({ event, code }) => /retry|failed/.test(event) && code === "KINSYNC_TARGET_FULL",
    { since },
  );
  for (const each of pods) expect(await stage.look(each)).toEqual({ "f.txt": "file: one\n" });
  await project.remove("src/big.bin");
  await project.write("src/f.txt", "two\n");
  await stage.same(pods);
});

situation(
  "a root that is read-only with a volume at the mapped path: it is served, all else is a named failure",
  {},
  async (stage) => {
    const { project, world } = stage;
    const sealed = container(world.image, IDLE, {
      securityContext: { readOnlyRootFilesystem: true },
      volumeMounts: [{ name: "code", mountPath: "/app/src" }],
    });
    await stage.create(pod("x", podSpec(sealed, { volumes: [{ name: "code", emptyDir: {} }] })));
    const pods = await stage.running(1);
    await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n" });
    const kinsync = stage.up("pod/x");
    expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
    await stage.save(kinsync, "f.txt", "two\n", pods);
    await project.remove("src/deep");
    await stage.same(pods);

    const refused = await stage.sync("pod/x", { sync: ["src:/app/other"] });
    expect(refused.end.code).toBe(3);
    expect(refused.events.find(({ event }) => event === "failed")).toMatchObject({ code: "KINSYNC_TARGET_READ_ONLY" });
  },
);

situation("a busybox whose tools have no names of their own: it is served all the same", {}, async (stage) => {
  const { project, world } = stage;
  await stage.create(pod("x", podSpec(container(world.image, `rm -f /bin/tar /bin/sha256sum; ${EMPTY}`))));
  const pods = await stage.running(1);
  for (let at = 0; at < 20; at += 1) await project.write(`src/d${at % 3}/f${at}.txt`, `${at}\n`);
  const kinsync = stage.up("pod/x");
  expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
  await stage.same(pods);
  await stage.save(kinsync, "f.txt", "two\n", pods);
});

situation("a path that is relative starts at the container's working directory", {}, async (stage) => {
  const { project, world } = stage;
  await stage.create(pod("x", podSpec(container(world.image, `${SEED}; ${IDLE}`, { workingDir: "/app/src" }))));
  const pods = await stage.running(1);
  await project.write("src/f.txt", "one\n");
  const once = await stage.sync("pod/x", { sync: ["src:sub/folder"] });
  expect(once.end.code).toBe(0);
  await stage.same(pods, "src", "/app/src/sub/folder");
});
