import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { emptyPod, mappedPod } from "../harness/mapped-pod.ts";
import type { Project } from "../harness/project.ts";
import { situation } from "../harness/situation.ts";

/** Too large to be packed in memory: it is packed in the temporary folder. */
const SPOOLED_BYTES = 20 << 20;

situation("a missing TMPDIR is named, and kinsync continues once it exists", {}, async (fixture) => {
  const { project } = fixture;
  const x = await emptyPod(fixture);
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("pod/x", { env: { TMPDIR: project.path("scratch") } });
  await kinsync.ready();
  const since = kinsync.mark();
  await project.write("model.bin", randomBytes(SPOOLED_BYTES));
  await project.move("model.bin", "src/model.bin");
  const retry = await kinsync.until("it retries", ({ event }) => event === "retry", { since });
  expect(retry).toMatchObject({ code: "KINSYNC_SOURCE_SPOOL" });
  expect(retry.reason).toContain(`${project.path("scratch")}, the temporary folder of this machine`);
  expect(retry.hint).toContain("TMPDIR");
  // A failure of this machine says nothing about the target.
  expect(
    kinsync.events.slice(since).filter(({ event, code }) => event === "failed" || /TARGET|PLUGIN/.test(code ?? "")),
  ).toEqual([]);
  // Small saves need no temporary folder, but they wait for the batch that they are part of.
  await project.write("src/f.txt", "two\n");
  await project.makeFolder("scratch");
  await fixture.untilSame([x]);
  await fixture.save(kinsync, "f.txt", "three\n", [x]);
});

situation("a file that vanishes while it is sent delays nothing else", { timeout: 180_000 }, async (fixture) => {
  const { project } = fixture;
  await project.write("src/f.txt", "one\n");
  const { kinsync, pods } = await mappedPod(fixture);
  const since = kinsync.mark();
  for (let at = 0; at < 5; at += 1) {
    await project.write("model.bin", randomBytes(SPOOLED_BYTES));
    await project.move("model.bin", `src/model-${at}.bin`);
    await kinsync.untilChanged(`model-${at}.bin`, since);
    await project.remove(`src/model-${at}.bin`);
    await project.write("src/f.txt", `${at}\n`);
  }
  await fixture.untilSame(pods);
  expect(kinsync.events.slice(since).filter(({ event }) => event === "failed" || event === "retry")).toEqual([]);
});

interface RestlessFile {
  readonly title: string;
  /** Changes the file once. */
  readonly change: (project: Project, at: number) => Promise<void>;
}

const RESTLESS: readonly RestlessFile[] = [
  { title: "that grows", change: (project) => project.append("src/app.log", "another line\n") },
  {
    title: "that is written again",
    change: (project, at) => project.write("src/app.log", Buffer.alloc(2 << 20, `${at} `)),
  },
];

for (const { title, change } of RESTLESS) {
  situation(`a file ${title} all the time delays no other file`, { timeout: 180_000 }, async (fixture) => {
    const { project } = fixture;
    await project.write("src/app.log", Buffer.alloc(2 << 20, "line\n"));
    for (let at = 0; at < 50; at += 1) await project.write(`src/d${at % 5}/f${at}.txt`, `${at}\n`);
    const x = await emptyPod(fixture);
    const end = new AbortController();
    const changes = (async () => {
      for (let at = 0; !end.signal.aborted; at += 1) {
        await change(project, at);
        await delay(10);
      }
    })();
    fixture.defer(() => {
      end.abort();
      return changes;
    });
    const kinsync = fixture.up("pod/x");
    await fixture.until("all other files are there", async () => {
      const { "app.log": _, ...others } = (await fixture.list(x)) ?? {};
      return Object.keys(others).length === 55;
    });
    await fixture.save(kinsync, "d0/f0.txt", "two\n", [x]);
    end.abort();
    await changes;
    await fixture.untilSame([x]);
    expect(kinsync.events.filter(({ event }) => event === "failed")).toEqual([]);
  });
}
