import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { container, IDLE, podSpec, statefulSet } from "../harness/manifests.ts";
import { grantPrintedRoles } from "../harness/printed-roles.ts";
import { situation } from "../harness/situation.ts";

const FILL = [
  "mkdir -p /tmp/out/d",
  "echo $0 >/tmp/out/name",
  "printf '#!/bin/sh\\n' >/tmp/out/d/run",
  "chmod 4755 /tmp/out/d/run",
  "ln -s ../name /tmp/out/d/inside",
  "ln -s ../../../etc/passwd /tmp/out/d/outside",
  "head -c 3000000 /dev/urandom >/tmp/out/big",
].join("; ");

interface Event {
  readonly event: string;
  readonly [field: string]: unknown;
}

function eventsOf(stdout: string): readonly Event[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Event);
}

situation(
  "a folder of every member is pulled, and a second pull transfers nothing",
  { timeout: 240_000 },
  async (fixture) => {
    const main = container(fixture.cluster.image, IDLE);
    await fixture.create(statefulSet("web", 2, podSpec(main)));
    await fixture.running(2);
    await grantPrintedRoles(fixture, "sts/web");
    for (const pod of ["web-0", "web-1"]) {
      // oxlint-disable-next-line no-await-in-loop -- one pod after the other
      await fixture.kubectl.run(["exec", pod, "--", "sh", "-c", FILL, pod]);
    }
    const to = await mkdtemp(join(tmpdir(), "kinsync-pull-"));
    try {
      const first = await fixture.start(["pull", "sts/web:/tmp/out", to, "--all", "-o", "json"]).ended;
      expect(first.code).toBe(0);
      const done = eventsOf(first.stdout).filter(({ event }) => event === "pull-done");
      expect(done.map(({ written, links, leftOut }) => [written, links, leftOut])).toEqual([
        [3, 1, 1],
        [3, 1, 1],
      ]);
      const folders = (await readdir(to)).toSorted();
      expect(folders).toHaveLength(2);
      for (const [index, folder] of folders.entries()) {
        const at = join(to, folder);
        // oxlint-disable-next-line no-await-in-loop -- one member after the other
        const [name, run, big] = await Promise.all([
          readFile(join(at, "d/inside"), "utf8"),
          stat(join(at, "d/run")),
          stat(join(at, "big")),
        ]);
        expect(name).toBe(`web-${index}\n`);
        expect(run.mode & 0o7111).toBe(0o111);
        expect(big.size).toBe(3_000_000);
      }
      const second = await fixture.start(["pull", "sts/web:/tmp/out", to, "--all", "-o", "json"]).ended;
      const again = eventsOf(second.stdout).filter(({ event }) => event === "pull-done");
      expect(again.map(({ written, unchanged, bytes }) => [written, unchanged, bytes])).toEqual([
        [0, 3, 0],
        [0, 3, 0],
      ]);
    } finally {
      await rm(to, { recursive: true, force: true });
    }
  },
);
