// What people see: the real reporter on a terminal in memory. The pictures in `pictures/` are reviewed by eye; `vitest -u` writes them again.
import { describe, expect, test } from "vitest";
import { createReporter } from "../../src/render/choose.ts";
import { SCENES, workloadsOf, type Scene } from "./support/scenes.ts";
import { ShownRun } from "./support/shown-run.ts";

const WIDTHS = [60, 80, 140] as const;

async function show(scene: Scene, columns: number, env: Readonly<Record<string, string>> = {}): Promise<ShownRun> {
  const run = await ShownRun.start(workloadsOf(scene), { columns, env });
  await run.frame();
  await scene.play?.(run);
  return run;
}

const squeezed = (text: string): string => text.replaceAll(/\s/g, "");

describe.concurrent.each(SCENES)("$name", (scene) => {
  test.for(WIDTHS)("at %i columns", async (columns, { expect }) => {
    const run = await show(scene, columns);
    const picture = await run.picture();
    const rows = await run.terminal.rows();
    expect.soft(await run.terminal.wrappedRows(), "no row is broken by the terminal").toEqual([]);
    expect
      .soft(
        rows.filter((row) => /(?:^|\s)-(?:\s\s|$)/.test(row)),
        "no row has a dash for a value",
      )
      .toEqual([]);
    for (const cause of scene.causes ?? [])
      expect.soft(squeezed(rows.join("\n")), "no cause is cut").toContain(squeezed(cause));
    const file = `${scene.name.replaceAll(/[ ,]+/g, "-")}-${columns}.txt`;
    await expect(picture).toMatchFileSnapshot(`pictures/${file}`);
  });
});

test("without colors the screen is the same", async () => {
  const [, , , scene] = SCENES;
  if (scene === undefined) throw new Error("no such scene");
  const colored = await show(scene, 80);
  const plain = await show(scene, 80, { NO_COLOR: "1" });
  expect(await plain.picture()).toBe(await colored.picture());
  // oxlint-disable-next-line no-control-regex
  expect(plain.terminal.raw).not.toMatch(/\u001B\[[\d;]*m/);
});

test("colors fit light and dark terminals: no background, no white, no black, no color of their own", async () => {
  const used = new Set<string>();
  for (const run of await Promise.all(SCENES.map((scene) => show(scene, 80)))) {
    await run.frame();
    // oxlint-disable-next-line no-control-regex
    for (const [, codes = ""] of run.terminal.raw.matchAll(/\u001B\[([\d;]*)m/g)) used.add(codes);
  }
  const allowed = ["0", "1", "2", "22", "31", "32", "33", "36", "39"];
  expect([...used].filter((codes) => !allowed.includes(codes))).toEqual([]);
});

test.each([
  [140, 60],
  [60, 140],
  [80, 61],
])("a terminal that is resized from %i to %i columns shows one whole screen", async (from, to) => {
  const [, , , scene] = SCENES;
  if (scene === undefined) throw new Error("no such scene");
  const run = await show(scene, from);
  run.event("note", { code: "c", reason: "this line stays" });
  await run.frame();
  await run.terminal.resize(to, 24);
  await run.frame();
  const rows = (await run.terminal.allRows()).join("\n");
  expect(rows.match(/20\/25 up to date/g)).toHaveLength(1);
  expect(rows.match(/e last error/g)).toHaveLength(1);
  expect(rows.match(/this line stays/g)).toHaveLength(1);
});

test.each([
  ["a pipe", { isTTY: false }, {}],
  ["CI", { isTTY: true, columns: 80, rows: 24, on: () => undefined }, { CI: "1", TERM: "xterm" }],
])("%s gets a line for each event, without a cursor that moves or a color", async (_where, stdout, env) => {
  let text = "";
  const io = {
    stdout: { ...stdout, write: (part: string) => (text += part) },
    stderr: { write: () => undefined },
    env: { NO_COLOR: "1", ...env },
    cwd: "/",
    conditions: [],
    signal: new AbortController().signal,
  };
  const reporter = await createReporter({ json: false, color: true, debug: false }, io, () => undefined);
  const [, five, , , forbidden, , , command] = SCENES;
  for (const scene of [five, forbidden, command]) {
    if (scene === undefined) throw new Error("no such scene");
    const run = await ShownRun.start(workloadsOf(scene), { reporter });
    await scene.play?.(run);
  }
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/\u001B/);
  await expect(text).toMatchFileSnapshot("pictures/lines.txt");
});
