import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { signatureOf } from "../blocks/support/patch.ts";
import { startBareAgent } from "../support/bare-agent.ts";
import { MAKES, type Make } from "../support/containers.ts";

const BLOCK_BYTES = 512;
const LARGE_BYTES = 4 * 1024 * 1024;
const TEXT = Buffer.from("0123456789abcdef".repeat(100));

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** An agent whose root holds a file of some blocks. */
async function start(make: Make, idleSeconds = 90) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-agent-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, "root");
  mkdirSync(join(root, "in"), { recursive: true });
  writeFileSync(join(root, "in/f"), TEXT);
  const agent = startBareAgent(make, folder, make.path(folder), idleSeconds);
  await agent.line();
  const send = (operation: string, id: number, ...fields: readonly string[]): void => {
    const payload = fields.join("\0");
    agent.write(`${operation} ${id} ${Buffer.byteLength(payload)}\n${payload}`);
  };
  send("claim", 1, "root", "directory", "k", "0", '{"claim":"c"}', "r");
  await agent.answer();
  const state = join(folder, ".kinsync/k");
  return {
    agent,
    root,
    state,
    send,
    /** Stages `f` of these parts, and returns the answer. */
    async stage(parts: readonly (string | Uint8Array)[], file: Uint8Array, path = "in/f"): Promise<string | undefined> {
      const digest = createHash("sha256").update(file).digest("hex");
      send("stage", 2, "1", "stage-a", "p", path, "644", String(file.length), digest);
      const header = Buffer.alloc(512);
      header.write("f", 0);
      header.write("0", 156);
      const padding = Buffer.alloc((512 - (file.length % 512)) % 512);
      const stream = Buffer.concat([
        header,
        ...parts.map((part) => (typeof part === "string" ? Buffer.from(part.padEnd(40)) : part)),
        padding,
      ]);
      agent.write(`d ${stream.length} 1\n`);
      agent.write(stream);
      agent.write("e\n");
      return (await agent.answer()).at(-1)?.trim();
    },
    /** Stages a file of 4 MiB of which a quarter arrives, and ends the input; with `output`, nobody reads the output before. */
    async breakTransfer(first: "input" | "output" = "input"): Promise<void> {
      send("stage", 2, "1", "stage-a", "f", "large", "644", String(LARGE_BYTES), "d1".repeat(32));
      const header = Buffer.alloc(512);
      header.write("large", 0);
      header.write("0", 156);
      agent.write(`d ${512 + LARGE_BYTES / 4} 1\n`);
      agent.write(Buffer.concat([header, Buffer.alloc(LARGE_BYTES / 4, 7)]));
      await expect.poll(() => sizeOf(join(state, "stage-a/f/0")), { timeout: 10_000 }).toBe(LARGE_BYTES / 4);
      if (first === "output") {
        agent.breakOutput();
        // The agent acknowledges the segment before.
        agent.write("d 512 1\n");
        agent.write(Buffer.alloc(512, 7));
        await sleep(500);
      }
      agent.end();
    },
    names: () => readdirSync(state).toSorted(),
    staged: () => readFileSync(join(state, "stage-a/f/0")),
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}

describe.each(MAKES.filter(({ runtime }) => runtime !== "sh"))("the agent of a container with $name", (make) => {
  test("reports the sums of the whole blocks of a file", async () => {
    await using world = await start(make);
    world.send("signature", 2, world.root, "in/f", String(BLOCK_BYTES), world.state, "");
    expect(await world.agent.answer()).toEqual([`- b ${signatureOf(TEXT, BLOCK_BYTES)?.former}`, ". 2"]);
  });

  test.each([
    ["a missing file", "in/missing"],
    ["a folder", "in"],
    ["a link", "l"],
    ["a file behind a link", "linked/f"],
  ])("reports no sums of %s", async (_name, path) => {
    await using world = await start(make);
    symlinkSync("in/f", join(world.root, "l"));
    symlinkSync("in", join(world.root, "linked"));
    world.send("signature", 2, world.root, path, String(BLOCK_BYTES), world.state, "");
    expect(await world.agent.answer()).toEqual([". 2"]);
  });

  test("makes a file of old parts and new bytes", async () => {
    await using world = await start(make);
    const file = Buffer.concat([TEXT.subarray(512, 1024), Buffer.from("new"), TEXT.subarray(0, 1024)]);
    expect(await world.stage(["c 512 512", "n 0 3", Buffer.from("new"), "c 0 1024"], file)).toBe(". 2");
    expect(world.staged().equals(file)).toBe(true);
  });

  test.each<[string, readonly (string | Uint8Array)[], string]>([
    ["a part behind the end of the file", ["c 1500 512"], "! 2 STALE in/f"],
    ["another digest", ["n 0 512", Buffer.alloc(512, 1)], "! 2 STALE in/f"],
    ["a part that is larger than the file", ["c 0 900"], "! 2 ORDER in/f"],
    ["a part without bytes", ["c 0 0"], "! 2 ORDER in/f"],
  ])("reports %s, and reads the next request", async (_name, parts, answer) => {
    await using world = await start(make);
    expect(await world.stage(parts, TEXT.subarray(0, 512))).toContain(answer);
    world.send("ping", 3);
    expect((await world.agent.answer()).at(-1)).toBe(". 3");
    expect(readFileSync(join(world.root, "in/f")).equals(TEXT)).toBe(true);
  });

  test("reports a file that is gone", async () => {
    await using world = await start(make);
    expect(await world.stage(["c 0 512"], TEXT.subarray(0, 512), "in/g")).toContain("! 2 STALE in/g");
  });

  test.each(["input", "output"] as const)(
    "keeps a large file for the session that ends it, where the %s breaks first",
    async (first) => {
      await using world = await start(make);
      await world.breakTransfer(first);
      process.kill(world.agent.pid, "SIGTERM");
      await world.agent.ended;
      const kept = `part-r-${"d1".repeat(32)}`;
      expect(world.names()).toEqual(["manifest", "marker", kept]);
      expect(sizeOf(join(world.state, kept))).toBeGreaterThanOrEqual(LARGE_BYTES / 4);
    },
  );

  test("removes it where no such session comes", async () => {
    await using world = await start(make, 1);
    await world.breakTransfer();
    await world.agent.ended;
    expect(world.names()).toEqual(["manifest", "marker"]);
  });

  test("creates nothing after its state was removed", async () => {
    await using world = await start(make, 1);
    await world.breakTransfer();
    rmSync(join(world.state, ".."), { recursive: true });
    await world.agent.ended;
    expect(existsSync(join(world.state, ".."))).toBe(false);
  });

  test("keeps what an earlier session left until the session that ends it, although nothing was staged", async () => {
    await using world = await start(make);
    writeFileSync(join(world.state, "part-r-aa"), "x");
    world.agent.end();
    await sleep(300);
    process.kill(world.agent.pid, "SIGTERM");
    await world.agent.ended;
    expect(world.names()).toEqual(["manifest", "marker", "part-r-aa"]);
  });

  test.each([
    ["the input ends", true],
    ["nobody speaks", false],
  ])(
    "removes what an earlier session left, and nothing of another run, where %s and no session comes",
    async (_name, ends) => {
      await using world = await start(make, 1);
      for (const name of ["part-r-aa", "part-other-bb"]) writeFileSync(join(world.state, name), "x");
      if (ends) world.agent.end();
      await world.agent.ended;
      expect(world.names()).toEqual(["manifest", "marker", "part-other-bb"]);
    },
  );

  test("reports to a claim what the run kept, and removes what others kept", async () => {
    await using world = await start(make);
    for (const name of ["part-r-aa", "part-other-bb"]) writeFileSync(join(world.state, name), "x");
    world.send("claim", 2, "root", "directory", "k", "0", '{"claim":"c"}', "r");
    expect(await world.agent.answer()).toContain("- P aa");
    expect(world.names()).toEqual(["manifest", "marker", "part-r-aa"]);
  });
});
