import { hostname } from "node:os";
import { expect } from "vitest";
import { EMPTY, pod, podSpec } from "../harness/manifests.ts";
import type { Need } from "../harness/needs.ts";
import { situation } from "../harness/situation.ts";
import type { ImageName } from "../images/image-names.ts";

interface Image {
  readonly name: ImageName;
  /** Its programs for writing files. */
  readonly content: string;
  /** Creates /app/src and waits. */
  readonly command: string[];
}

const IMAGES: readonly Image[] = [
  { name: "debian", content: "dash and GNU tar", command: ["sh", "-c", EMPTY] },
  {
    name: "python",
    content: "python3 and no shell",
    command: ["python3", "-c", "import os, time; os.makedirs('/app/src'); time.sleep(36000)"],
  },
  {
    name: "node",
    content: "node and no shell",
    command: ["node", "-e", "fs.mkdirSync('/app/src'); setTimeout(() => {}, 36000000)"],
  },
];

function onNode(image: ImageName): readonly Need[] {
  return ["real", `image:${image}`];
}

for (const { name, content, command } of IMAGES) {
  situation(`an image with ${content} is updated`, { needs: [...onNode(name), "node-files"] }, async (fixture) => {
    const { cluster, project } = fixture;
    const main = { name: "main", image: cluster.imageOf(name), imagePullPolicy: "IfNotPresent", command };
    // Without tar its files can be read on its own node only.
    await fixture.create(pod("x", podSpec(main, { nodeSelector: { "kubernetes.io/hostname": hostname() } })));
    const pods = await fixture.running(1);
    await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n", "src/a 'b' \"c\".txt": "odd\n" });
    await project.write("src/big.bin", Buffer.alloc(3 << 20, "0123456789abcdef"));
    await project.write("src/run.sh", "#!/bin/sh\n");
    await project.chmod("src/run.sh", 0o755);
    await project.link("src/link", "deep/er/g.txt");
    const kinsync = fixture.up("pod/x");
    expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
    await fixture.untilSame(pods);
    await fixture.save(kinsync, "f.txt", "two\n", pods);
    await project.remove("src/deep");
    await project.remove("src/link");
    await project.write("src/link/now-a-folder.txt", "x\n");
    await fixture.untilSame(pods);
  });
}

interface ImageWithoutAgent {
  readonly name: ImageName;
  readonly content: string;
  /** Default: the image's own command. */
  readonly command?: string[];
}

const IMAGES_WITHOUT_AGENT: readonly ImageWithoutAgent[] = [
  { name: "distroless", content: "no program to write files" },
  {
    name: "perl-base",
    content: "perl and no shell",
    command: ["perl", "-e", "sleep 36000"],
  },
  { name: "debian", content: "a shell and no tar", command: ["sh", "-c", "rm -f /bin/tar; exec sleep 36000"] },
];

for (const { name, content, command } of IMAGES_WITHOUT_AGENT) {
  situation(`an image with ${content} fails with a hint`, { needs: onNode(name) }, async (fixture) => {
    const { cluster, project } = fixture;
    const own = command === undefined ? {} : { command };
    await fixture.create(
      pod("x", podSpec({ name: "main", image: cluster.imageOf(name), imagePullPolicy: "IfNotPresent", ...own })),
    );
    await fixture.running(1);
    await project.write("src/f.txt", "one\n");
    const once = await fixture.sync("pod/x");
    expect(once.end.code).toBe(3);
    const failed = once.events.find(({ event }) => event === "failed");
    expect(failed).toMatchObject({ pod: "x", container: "main", code: "KINSYNC_TARGET_NO_AGENT" });
    expect(failed?.hint).toMatch(/image|sidecar/);
  });
}
