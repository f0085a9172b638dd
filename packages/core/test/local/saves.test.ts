import { open, rename, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { freshScan, listing, pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

test("a save in place is found", async () => {
  const root = await tempFolder();
  await write(root, { "src/a.py": "1" });
  const { source, untilFresh, states } = await watched(specOf(root));
  expect(listing(source.current)).toEqual(listing(await freshScan(specOf(root))));
  await writeFile(join(root, "src/a.py"), "2");
  await untilFresh();
  expect(states.length).toBeGreaterThan(1);
});

test("a save by vim changes one path only", async () => {
  const root = await tempFolder();
  await write(root, { "a.py": "1", b: "" });
  const { untilFresh, states } = await watched(specOf(root));
  for (const text of ["2", "3", "4"]) {
    await writeFile(join(root, "4913"), "");
    await unlink(join(root, "4913"));
    await writeFile(join(root, ".a.py.swp"), "swap");
    await rename(join(root, "a.py"), join(root, "a.py~"));
    await writeFile(join(root, "a.py"), text);
    await unlink(join(root, "a.py~"));
    await untilFresh();
  }
  expect(new Set(states.flatMap((state) => pathsOf(state)))).toEqual(new Set(["a.py", "b"]));
});

test("a save by JetBrains is found, and its temporary files are not", async () => {
  const root = await tempFolder();
  await write(root, { "a.py": "1" });
  const { untilFresh, states } = await watched(specOf(root));
  for (const text of ["2", "3", "4"]) {
    await writeFile(join(root, "a.py___jb_tmp___"), text);
    await rename(join(root, "a.py"), join(root, "a.py___jb_old___"));
    await rename(join(root, "a.py___jb_tmp___"), join(root, "a.py"));
    await unlink(join(root, "a.py___jb_old___"));
    await untilFresh();
  }
  expect(new Set(states.flatMap((state) => pathsOf(state)))).toEqual(new Set(["a.py"]));
});

test("every rename over a file is found", async () => {
  const root = await tempFolder();
  await write(root, { "d/a.py": "0" });
  const { untilFresh } = await watched(specOf(root));
  for (let i = 1; i < 10; i++) {
    await writeFile(join(root, "d/.tmp"), String(i));
    await rename(join(root, "d/.tmp"), join(root, "d/a.py"));
    expect(pathsOf(await untilFresh())).toEqual(["d", "d/a.py"]);
  }
});

test.each(["folder", "single file"])(
  "in a %s, a file that is truncated and then written is never reported as empty",
  async (shape) => {
    const folder = await tempFolder();
    await write(folder, { "app.yaml": "0", other: "" });
    const spec = specOf(shape === "folder" ? folder : join(folder, "app.yaml"));
    const { states, source, untilFresh } = await watched(spec, { truncatedMs: 5_000 });
    for (let i = 1; i < 6; i++) {
      await truncate(join(folder, "app.yaml"));
      // Long enough for a scan of the truncated file.
      await delay(30);
      await writeFile(join(folder, "app.yaml"), String(i));
      await untilFresh();
    }
    const sizes = states.map((state) => {
      const entry =
        state.state === "present" ? state.tree.entries.get(shape === "folder" ? "app.yaml" : "mapped") : undefined;
      return entry?.type === "file" ? entry.size : undefined;
    });
    expect(sizes.length).toBeGreaterThan(4);
    expect(new Set(sizes)).toEqual(new Set([1]));
    expect(source.current?.state).toBe("present");
  },
);

test("a file that stays truncated is reported as empty, also while others are truncated", async () => {
  const folder = await tempFolder();
  const names = Array.from({ length: 30 }, (_, index) => `f${index}`);
  await write(folder, Object.fromEntries(names.map((name) => [name, "x"])));
  const { until } = await watched(specOf(folder));
  const first = until((state) => state.state === "present" && state.tree.bytes < names.length);
  for (const name of names) {
    await truncate(join(folder, name));
    await delay(20);
  }
  await first;
  await until((state) => state.state === "present" && state.tree.bytes === 0);
});

test("a file that is written all the time does not delay other files", async () => {
  const root = await tempFolder();
  await write(root, { noise: "", a: "1" });
  const { until } = await watched(specOf(root));
  const stop = new AbortController();
  const noise = (async () => {
    await using file = await open(join(root, "noise"), "a");
    while (!stop.signal.aborted) await file.write("more and more\n");
  })();
  const before = listing(await freshScan(specOf(root)));
  await writeFile(join(root, "a"), "2");
  const after = await until((state) => {
    const now = listing(state);
    return typeof now !== "string" && typeof before !== "string" && now["a"] !== before["a"];
  });
  stop.abort();
  await noise;
  expect(pathsOf(after)).toEqual(["a", "noise"]);
});
