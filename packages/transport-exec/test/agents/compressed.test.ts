import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { startBareAgent } from "../support/bare-agent.ts";
import { stagesOf } from "../support/stages.ts";
import { MAKES } from "../support/containers.ts";

const CLAIM = `cl 1 'root' 'directory' 'k' 0 'stage-a' '{"claim":"c",' '"runId":"r",' '"snapshot":0,"tree":""}'\n`;
const FIELDS = ["root", "directory", "k", "0", '{"claim":"c"}', "r"].join("\0");
const TEXT = "+ a line of a journal\n".repeat(500);

/** Ways in which a gzip member of some text arrives damaged, with the size that is announced. */
const DAMAGES: readonly [string, (text: string) => { readonly packed: Buffer; readonly size: number }][] = [
  [
    "a wrong checksum",
    (text) => {
      const packed = gzipSync(text);
      return { packed: packed.fill(0x55, packed.length - 8, packed.length - 4), size: text.length };
    },
  ],
  ["no gzip", (text) => ({ packed: Buffer.alloc(200, "x"), size: text.length })],
  ["no end", (text) => ({ packed: gzipSync(text).subarray(0, 20), size: text.length })],
  ["more than it announces", (text) => ({ packed: gzipSync(`${text}y`), size: text.length })],
  ["less than it announces", (text) => ({ packed: gzipSync(text.slice(1)), size: text.length })],
];

function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-agent-")));
  mkdirSync(join(folder, "root"));
  return folder;
}

describe.each(MAKES.filter(({ runtime }) => runtime !== "sh"))("the agent of a container with $name", (make) => {
  test("reads a request that gzip made smaller", async () => {
    const folder = makeFolder();
    await using agent = startBareAgent(make, folder, make.path(folder));
    expect(await agent.line()).toContain(" gzip");
    const packed = gzipSync(FIELDS);
    agent.write(`claim 1 ${packed.length} ${FIELDS.length}\n`);
    agent.write(packed);
    expect((await agent.answer()).at(-1)).toBe(". 1");
    rmSync(folder, { recursive: true });
  });

  test.each(DAMAGES)("ends after a request with %s", async (_name, damage) => {
    const folder = makeFolder();
    await using agent = startBareAgent(make, folder, make.path(folder));
    await agent.line();
    const { packed, size } = damage(FIELDS);
    agent.write(`claim 1 ${packed.length} ${size}\n`);
    agent.write(packed);
    expect((await agent.answer()).at(-1)).toMatch(/^! 1 UNZIP /);
    await agent.ended;
    expect(existsSync(join(folder, ".kinsync"))).toBe(false);
    rmSync(folder, { recursive: true });
  });
});

describe.each(MAKES.filter(({ runtime }) => runtime === "sh"))("the agent of a container with $name", (make) => {
  test("stores a blob that gzip made smaller", async () => {
    const folder = makeFolder();
    await using agent = startBareAgent(make, folder, make.path(folder));
    expect(await agent.line()).toContain(" gzip");
    agent.write(CLAIM);
    await agent.answer();
    const packed = gzipSync(TEXT);
    agent.write(`s0 2 '${folder}/.kinsync/k' 'stage-b' 1\nbl ${packed.length} placed ${TEXT.length}\n`);
    agent.write(packed);
    agent.write("s2 2\n");
    expect((await agent.answer()).at(-1)?.trim()).toBe(". 2");
    const [stage = ""] = stagesOf(join(folder, "root"), join(folder, ".kinsync/k"));
    expect(readFileSync(join(stage, "placed"), "utf8")).toBe(TEXT);
    rmSync(stage, { recursive: true });
    rmSync(folder, { recursive: true });
  });

  test.each(DAMAGES)("reports a blob with %s, and reads the next request", async (_name, damage) => {
    const folder = makeFolder();
    await using agent = startBareAgent(make, folder, make.path(folder));
    await agent.line();
    agent.write(CLAIM);
    await agent.answer();
    const { packed, size } = damage(TEXT);
    agent.write(`s0 2 '${folder}/.kinsync/k' 'stage-b' 1\nbl ${packed.length} placed ${size}\n`);
    agent.write(packed);
    agent.write("s2 2\n");
    expect((await agent.answer()).at(-1)).toMatch(/^! 2 UNZIP /);
    agent.write("pg 3\n");
    expect((await agent.answer()).at(-1)?.trim()).toBe(". 3");
    rmSync(folder, { recursive: true });
  });
});
