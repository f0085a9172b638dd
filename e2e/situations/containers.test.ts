import { expect } from "vitest";
import { container, EMPTY, IDLE, pod, podSpec, SEED } from "../harness/manifests.ts";
import { situation } from "../harness/situation.ts";

situation("a bare pod is updated and its neighbor is not", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await fixture.create(pod("x", podSpec(container(cluster.image))), pod("y", podSpec(container(cluster.image))));
  const [x, y] = await fixture.running(2);
  if (x === undefined || y === undefined) throw new Error("fewer than two pods run");
  await fixture.expectMembers("pod/x", { x: "current" });
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("pod/x");
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  await fixture.save(kinsync, "f.txt", "two\n", [x]);
  expect(await fixture.list(y)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("pod/x", { x: "current" });
});

situation("the default container is updated unless another is selected", {}, async (fixture) => {
  const { cluster, project } = fixture;
  const both = [container(cluster.image), container(cluster.image, undefined, { name: "second" })];
  const manifest = pod("x", podSpec(both));
  const annotations = { "kubectl.kubernetes.io/default-container": "second" };
  await fixture.create({ ...manifest, metadata: { ...manifest.metadata, annotations } });
  const [x] = await fixture.running(1, "", "second");
  if (x === undefined) throw new Error("no pod runs");
  await project.write("src/f.txt", "one\n");
  const once = await fixture.sync("pod/x");
  expect(once.end.code).toBe(0);
  expect(await fixture.list(x, "/app/src", "second")).toEqual({ "f.txt": "file: one\n" });
  expect(await fixture.list(x, "/app/src", "main")).toEqual({ "f.txt": "file: old\n" });
  const other = await fixture.sync("pod/x", { args: ["--container", "main"] });
  expect(other.end.code).toBe(0);
  expect(await fixture.list(x, "/app/src", "main")).toEqual({ "f.txt": "file: one\n" });
});

situation("a user other than root can update a volume, not root's folder", { needs: ["real"] }, async (fixture) => {
  const { cluster, project } = fixture;
  const securityContext = { runAsUser: 1000, runAsGroup: 1000, allowPrivilegeEscalation: false };
  const user = container(cluster.image, IDLE, {
    securityContext,
    volumeMounts: [{ name: "code", mountPath: "/app/src" }],
  });
  await fixture.create(
    pod("x", podSpec(user, { volumes: [{ name: "code", emptyDir: {} }] })),
    pod("y", podSpec(container(cluster.image, IDLE, { securityContext }))),
  );
  const [x] = await fixture.running(2);
  if (x === undefined) throw new Error("fewer than two pods run");
  await project.write("src/f.txt", "one\n");
  expect((await fixture.sync("pod/x")).end.code).toBe(0);
  expect(await fixture.list(x)).toEqual({ "f.txt": "file: one\n" });
  const refused = await fixture.sync("pod/y", { sync: ["src:/etc/kinsync"] });
  expect(refused.end.code).toBe(3);
  expect(refused.events.find(({ event }) => event === "failed")).toMatchObject({
    pod: "y",
    code: "KINSYNC_TARGET_DENIED",
  });
});

situation("a full volume keeps its files and recovers when it has room", {}, async (fixture) => {
  const { cluster, project } = fixture;
  const tiny = container(cluster.image, `echo old >/app/src/f.txt; ${IDLE}`, {
    volumeMounts: [{ name: "code", mountPath: "/app/src" }],
  });
  const volumes = [{ name: "code", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }];
  await fixture.create(pod("x", podSpec(tiny, { volumes })));
  const pods = await fixture.running(1);
  const kinsync = await fixture.upWithFile("pod/x");
  await fixture.untilSame(pods);

  const since = kinsync.mark();
  await project.write("src/big.bin", Buffer.alloc(4 << 20, "x"));
  await kinsync.until(
    "the volume is full",
    ({ event, code }) => /retry|failed/.test(event) && code === "KINSYNC_TARGET_FULL",
    { since },
  );
  for (const each of pods) expect(await fixture.list(each)).toEqual({ "f.txt": "file: one\n" });
  await project.remove("src/big.bin");
  await project.write("src/f.txt", "two\n");
  await fixture.untilSame(pods);
});

situation("a volume in a read-only root is updated, other paths fail", {}, async (fixture) => {
  const { cluster, project } = fixture;
  const sealed = container(cluster.image, IDLE, {
    securityContext: { readOnlyRootFilesystem: true },
    volumeMounts: [{ name: "code", mountPath: "/app/src" }],
  });
  await fixture.create(pod("x", podSpec(sealed, { volumes: [{ name: "code", emptyDir: {} }] })));
  const pods = await fixture.running(1);
  await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n" });
  const kinsync = fixture.up("pod/x");
  expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  await project.remove("src/deep");
  await fixture.untilSame(pods);

  const refused = await fixture.sync("pod/x", { sync: ["src:/app/other"] });
  expect(refused.end.code).toBe(3);
  expect(refused.events.find(({ event }) => event === "failed")).toMatchObject({ code: "KINSYNC_TARGET_READ_ONLY" });
});

situation("a busybox without links to its commands is updated", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await fixture.create(pod("x", podSpec(container(cluster.image, `rm -f /bin/tar /bin/sha256sum; ${EMPTY}`))));
  const pods = await fixture.running(1);
  for (let at = 0; at < 20; at += 1) await project.write(`src/d${at % 3}/f${at}.txt`, `${at}\n`);
  const kinsync = fixture.up("pod/x");
  expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
  await fixture.untilSame(pods);
  await fixture.save(kinsync, "f.txt", "two\n", pods);
});

situation("a relative path starts at the working directory", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await fixture.create(pod("x", podSpec(container(cluster.image, `${SEED}; ${IDLE}`, { workingDir: "/app/src" }))));
  const pods = await fixture.running(1);
  await project.write("src/f.txt", "one\n");
  const once = await fixture.sync("pod/x", { sync: ["src:sub/folder"] });
  expect(once.end.code).toBe(0);
  await fixture.untilSame(pods, { to: "/app/src/sub/folder" });
});
