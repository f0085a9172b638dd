import { afterAll, beforeAll, expect, test } from "vitest";
import { createPlayground, podManifest, untilRunning } from "./support/playground.ts";
import { TestCluster } from "./support/cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

const confined = await isConfined();

async function isConfined(): Promise<boolean> {
  await using probe = await createPlayground();
  return (await probe.kubelet.confinement).kind === "confined";
}

test.runIf(confined)("a container whose root is read-only is named, with the way out", async () => {
  cluster.playground.apply(
    podManifest({ name: "sealed", container: { securityContext: { readOnlyRootFilesystem: true } } }),
  );
  await untilRunning(cluster.playground, "sealed");
  const { code, stdout } = await cluster.run("sync pod/sealed --sync src:/opt/src");
  expect(stdout).toMatch(/^failed KINSYNC_TARGET_READ_ONLY: sealed \[main\]: .*\/opt/m);
  expect(stdout).toMatch(/hint: Mount a writable volume/);
  expect(code).toBe(3);
});

test.runIf(confined)("a container without anything that writes files is named, with the ways out", async () => {
  cluster.playground.apply(
    podManifest({ name: "bare", container: { image: "playground/empty", command: ["/busybox", "sleep", "1000"] } }),
  );
  await untilRunning(cluster.playground, "bare");
  const { code, stdout } = await cluster.run("sync pod/bare --sync src:/src");
  expect(stdout).toMatch(/^failed KINSYNC_TARGET_NO_AGENT: bare \[main\]: /m);
  expect(code).toBe(3);
});

test.runIf(confined && process.getuid?.() === 0)(
  "a path that the container's user may not write to is named",
  async () => {
    cluster.playground.apply(podManifest({ name: "user", container: { securityContext: { runAsUser: 1000 } } }));
    await untilRunning(cluster.playground, "user");
    const { code, stdout } = await cluster.run("sync pod/user --sync src:/usr/src");
    expect(stdout).toMatch(/^failed KINSYNC_TARGET_DENIED: user \[main\]: /m);
    expect(code).toBe(3);
  },
);

test.runIf(confined && process.getuid?.() === 0)(
  "a volume without room is named, and what was there stays",
  async () => {
    const volumes = [{ name: "small", emptyDir: { medium: "Memory", sizeLimit: "64Ki" } }];
    cluster.playground.apply(
      podManifest({
        name: "full",
        container: { volumeMounts: [{ name: "small", mountPath: "/data" }] },
        spec: { volumes },
      }),
    );
    await untilRunning(cluster.playground, "full");
    await cluster.place.write("big/blob.bin", "x".repeat(1024 * 1024));
    const { code, stdout } = await cluster.run("sync pod/full --sync big:/data/big --wait 2");
    expect(stdout).toMatch(/^out of date full \[main\]: .*no space is left.*; trying again in /m);
    expect(code).toBe(3);
  },
);
