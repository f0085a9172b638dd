import { rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

test("a single file that is deleted and created again is never missing", async () => {
  const folder = await tempFolder();
  await write(folder, { "app.yaml": "0", other: "" });
  const { states, untilFresh } = await watched(specOf(join(folder, "app.yaml")), { graceMs: 5_000 });
  for (let i = 1; i < 6; i++) {
    await unlink(join(folder, "app.yaml"));
    await setImmediate();
    await writeFile(join(folder, "app.yaml"), String(i));
    await untilFresh();
    await writeFile(join(folder, ".new"), `renamed ${i}`);
    await rename(join(folder, ".new"), join(folder, "app.yaml"));
    await untilFresh();
  }
  expect(new Set(states.map((state) => state.state))).toEqual(new Set(["present"]));
});

test("a single file that stays missing is reported, and is found again", async () => {
  const folder = await tempFolder();
  const file = join(folder, "conf/app.yaml");
  await write(folder, { "conf/app.yaml": "1" });
  const { until, untilFresh } = await watched(specOf(file), { graceMs: 300 });
  await unlink(file);
  await until((state) => state.state === "missing");
  await writeFile(file, "2");
  await untilFresh();
  await rm(join(folder, "conf"), { recursive: true });
  await until((state) => state.state === "missing");
  await write(folder, { "conf/app.yaml": "3" });
  await untilFresh();
  await writeFile(file, "4");
  expect(pathsOf(await untilFresh())).toEqual(["mapped"]);
});

test("a single file counts as missing only after the grace, also for a requested scan", async () => {
  const folder = await tempFolder();
  const file = join(folder, "app.yaml");
  await write(folder, { "app.yaml": "1" });
  const { source, states, until } = await watched(specOf(file), { graceMs: 700 });
  const removedAt = performance.now();
  await unlink(file);
  expect(pathsOf(await source.rescan())).toEqual(["mapped"]);
  expect(states.every((state) => state.state === "present")).toBe(true);
  await until((state) => state.state === "missing");
  expect(performance.now() - removedAt).toBeGreaterThan(690);
});
