import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exec } from "@kinsync/transport-exec";
import { createPlayground, podManifest, readIn, untilRunning, type Playground } from "../support/playground.ts";
import { Line } from "./line.ts";

let playground: Playground;
let folder: string;

beforeEach(async () => {
  const kubelet = { confinement: "unconfined" } as const;
  [playground, folder] = await Promise.all([
    createPlayground({ kubelet }),
    realpath(tmpdir()).then((path) => mkdtemp(join(path, "kinsync-line-"))),
  ]);
  await mkdir(join(folder, "src"));
  await writeFile(join(folder, "src/f.txt"), "one");
  playground.apply(podManifest({ name: "app" }));
  await untilRunning(playground, "app");
});

afterEach(async () => {
  await Promise.all([playground.close(), rm(folder, { recursive: true, force: true })]);
});

describe.each(["sh", "python3", "node"] as const)("the %s agent in a container that is a folder", (agent) => {
  test("writes below the working directory", async () => {
    const workload = { workload: "pod/app", sync: [{ from: "src", to: "src" }] };
    await using line = await Line.start({ playground, folder, workload, transports: [exec({ agents: [agent] })] });
    await line.untilSynced(1, 1);
    expect(await readIn(playground, "app", "src/f.txt")).toBe("one");
    await writeFile(join(folder, "src/f.txt"), "two");
    await line.untilTrue("two arrives", async () => (await readIn(playground, "app", "src/f.txt")) === "two");
  });

  test("cannot write to an absolute path of the machine where the playground has a write fence", async ({ skip }) => {
    const confinement = await playground.kubelet.confinement;
    if (confinement.kind === "confined" || confinement.fence === undefined) skip("no write fence on this machine");
    const outside = join(folder, "outside");
    await mkdir(outside);
    const workload = { workload: "pod/app", sync: [{ from: "src", to: join(outside, "src") }] };
    await using line = await Line.start({ playground, folder, workload, transports: [exec({ agents: [agent] })] });
    await line.until("the target is denied", (events) =>
      events.some((event) => "code" in event && event.code === "KINSYNC_TARGET_DENIED"),
    );
    expect(await readdir(outside)).toEqual([]);
  });
});
