import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { pack } from "tar-stream";
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
    agent.write(`s0 2 'stage-b' 1\nbl ${packed.length} placed ${TEXT.length}\n`);
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
    agent.write(`s0 2 'stage-b' 1\nbl ${packed.length} placed ${size}\n`);
    agent.write(packed);
    agent.write("s2 2\n");
    expect((await agent.answer()).at(-1)).toMatch(/^! 2 UNZIP /);
    agent.write("pg 3\n");
    expect((await agent.answer()).at(-1)?.trim()).toBe(". 3");
    rmSync(folder, { recursive: true });
  });

  describe("checks the digest of what sha256sum prints for names", () => {
    const FILES = { "./a": "one\n", "./ä ö": "two\n", "./d/-": "three\n" };
    const NAMES = Object.keys(FILES)
      .map((name) => `${name}\0`)
      .join("");
    const DIGEST = sha256(
      Object.entries(FILES)
        .map(([name, text]) => `${sha256(text)}  ${name}\n`)
        .join(""),
    );

    /** Stages these files with a check in between, as a segment, and another at the end. Returns the answer. */
    async function stage(
      segment: Check,
      last: Check,
      files: Readonly<Record<string, string>> = FILES,
    ): Promise<string> {
      const folder = makeFolder();
      await using agent = startBareAgent(make, folder, make.path(folder));
      await agent.line();
      agent.write(CLAIM);
      await agent.answer();
      const archive = gzipSync(await tarOf(files));
      agent.write(`s0 2 'stage-b' 1\ns1\nz ${archive.length} ${gunzipSync(archive).length}\n`);
      agent.write(archive);
      agent.write(`n ${segment.bytes.length} ${segment.size} ${segment.digest}\n`);
      agent.write(segment.bytes);
      agent.write(`e\nbl ${last.bytes.length} names ${last.size === "-" ? "" : last.size}\n`);
      agent.write(last.bytes);
      agent.write(`s2 2 sums ${last.digest}\n`);
      const answer = (await agent.answer()).at(-1)?.trim() ?? "";
      agent.write("pg 3\n");
      expect((await agent.answer()).at(-1)?.trim()).toBe(". 3");
      const stages = stagesOf(join(folder, "root"), join(folder, ".kinsync/k"));
      expect(stages).toHaveLength(answer === ". 2" ? 1 : 0);
      for (const each of stages) rmSync(each, { recursive: true });
      rmSync(folder, { recursive: true });
      return answer;
    }

    const plain: Check = { bytes: Buffer.from(NAMES), size: "-", digest: DIGEST };
    const packed: Check = { bytes: gzipSync(NAMES), size: String(Buffer.byteLength(NAMES)), digest: DIGEST };
    const wrong: Check = { ...plain, digest: sha256("other") };
    const damaged: Check = { ...packed, bytes: Buffer.from(packed.bytes).fill(0x55, 10) };

    test("and accepts them", async () => {
      expect(await stage(plain, packed)).toBe(". 2");
      expect(await stage(packed, plain)).toBe(". 2");
    });

    test("and refuses another one, wherever it stands", async () => {
      expect(await stage(wrong, plain)).toBe("! 2 DIGEST -");
      expect(await stage(plain, wrong)).toBe("! 2 DIGEST -");
    });

    test("and refuses other bytes, and a file that is missing", async () => {
      expect(await stage(plain, plain, { ...FILES, "./a": "One\n" })).toBe("! 2 DIGEST -");
      expect(await stage(plain, plain, { "./a": "one\n" })).toBe("! 2 DIGEST -");
    });

    test("and refuses a damaged list", async () => {
      expect(await stage(damaged, plain)).toBe("! 2 DIGEST -");
      expect(await stage(plain, damaged)).toMatch(/^! 2 UNZIP/);
    });
  });
});

/** A list of names, as an agent gets it. */
interface Check {
  readonly bytes: Buffer;
  readonly size: string;
  readonly digest: string;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: "./d", type: "directory" });
  for (const [name, text] of Object.entries(files)) archive.entry({ name }, text);
  // What tar has not read yet is no file yet: kinsync lists files that are so far behind.
  archive.entry({ name: "./z" }, "z".repeat(2 * 1024 * 1024));
  archive.finalize();
  return buffer(archive);
}
