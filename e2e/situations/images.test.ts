import { hostname } from "node:os";
import { expect } from "vitest";
import { EMPTY, pod, podSpec } from "../harness/manifests.ts";
import { situation } from "../harness/situation.ts";
import type { ImageName } from "../images/image-map.ts";
import type { Need } from "../harness/needs.ts";

interface Image {
  readonly name: ImageName;
  /** What it holds to write files with. */
  readonly holds: string;
  /** Makes /app/src and waits. */
  readonly command: readonly string[];
}

const IMAGES: readonly Image[] = [
  { name: "debian", holds: "dash and GNU tar", command: ["sh", "-c", EMPTY] },
  {
    name: "python",
    holds: "python3 and no shell",
    command: ["python3", "-c", "import os, time; os.makedirs('/app/src'); time.sleep(36000)"],
  },
  {
    name: "perl",
    holds: "perl with Digest::SHA and no shell",
    command: ["perl", "-e", "mkdir '/app/src'; sleep 36000"],
  },
  {
    name: "node",
    holds: "node and no shell",
    command: ["node", "-e", "fs.mkdirSync('/app/src'); setTimeout(() => {}, 36000000)"],
  },
];

function onNode(image: ImageName): readonly Need[] {
  return ["real", `image:${image}`];
}

for (const { name, holds, command } of IMAGES) {
  situation(
    `an image with ${holds}: files, folders, links, programs, deletes`,
    { needs: [...onNode(name), "eyes"] },
    async (stage) => {
      const { project, world } = stage;
      const main = { name: "main", image: world.imageOf(name), imagePullPolicy: "IfNotPresent", command };
      // Without tar it can be looked into from its own node alone.
      await stage.create(pod("x", podSpec(main, { nodeSelector: { "kubernetes.io/hostname": hostname() } })));
      const pods = await stage.running(1);
      await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n", "src/a 'b' \"c\".txt": "odd\n" });
      await project.write("src/big.bin", Buffer.alloc(3 << 20, "0123456789abcdef"));
      await project.write("src/run.sh", "#!/bin/sh\n");
      await project.mode("src/run.sh", 0o755);
      await project.link("src/link", "deep/er/g.txt");
      const kinsync = stage.up("pod/x");
      expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
      await stage.same(pods);
      await stage.save(kinsync, "f.txt", "two\n", pods);
      await project.remove("src/deep");
      await project.remove("src/link");
      await project.write("src/link/now-a-folder.txt", "x\n");
      await stage.same(pods);
    },
  );
}

interface Bare {
  readonly name: ImageName;
  readonly holds: string;
  /** Its own where there is none. */
  readonly command?: readonly string[];
}

const BARE: readonly Bare[] = [
  { name: "distroless", holds: "nothing to write files with" },
  {
    name: "perl-base",
    holds: "a perl that has no Digest::SHA, and no sha256sum",
    command: ["perl", "-e", "sleep 36000"],
  },
  { name: "debian", holds: "a shell and no tar", command: ["sh", "-c", "rm -f /bin/tar; exec sleep 36000"] },
];

for (const { name, holds, command } of BARE) {
  situation(`an image with ${holds}: a named failure, and ways out`, { needs: onNode(name) }, async (stage) => {
    const { project, world } = stage;
    const own = command === undefined ? {} : { command };
    await stage.create(
      pod("x", podSpec({ name: "main", image: world.imageOf(name), imagePullPolicy: "IfNotPresent", ...own })),
    );
    await stage.running(1);
    await project.write("src/f.txt", "one\n");
    const once = await stage.sync("pod/x");
    expect(once.end.code).toBe(3);
    const failed = once.events.find(({ event }) => event === "failed");
    expect(failed).toMatchObject({ pod: "x", container: "main", code: "KINSYNC_TARGET_NO_AGENT" });
    expect(failed?.hint).toMatch(/image|sidecar/);
  });
}
