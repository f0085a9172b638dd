import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Target } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { errorOfAgent } from "../src/agent-error.ts";
import { planCommit } from "../src/commit-plan.ts";
import { InventoryReader } from "../src/inventory-reader.ts";
import { journalLines, ManifestReader } from "../src/manifest.ts";
import { OutputTail } from "../src/output-tail.ts";
import { quoted } from "../src/quote.ts";
import { Answers, LineReader } from "../src/wire.ts";

const root = { path: "/r", shape: "directory", key: "k" } as const;
/** Any name that a file can have, in UTF-8. */
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !/[\0/]/.test(text));

test("a shell reads a quoted word as it was, in one line", () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (words) => {
      const line = `printf '%s\\0' ${words.map((word) => quoted(word)).join(" ")}`;
      expect(line.includes("\n")).toBe(false);
      const output = execFileSync("sh", ["-c", `N='\n'\n${line}`], { encoding: "utf8" });
      expect(output).toBe(words.map((word) => `${word}\0`).join(""));
    }),
    { numRuns: 40 },
  );
});

test("a manifest comes to the paths that were placed and not taken away, wherever an append was cut", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("+", "-"), name), { maxLength: 30 }), fc.nat(20), (steps, cut) => {
      const expected = new Set<string>();
      let text = journalLines("+", ["x".repeat(40)]).slice(0, 1 + cut);
      for (const [mark, path] of steps) {
        text += journalLines(mark, [path]);
        if (mark === "+") expected.add(path);
        else expected.delete(path);
      }
      const reader = new ManifestReader();
      for (const line of text.split("\n")) reader.take(line);
      expect(new Set(reader.placed.filter((path) => !/^x*$/.test(path)))).toEqual(
        new Set([...expected].filter((path) => !/^x*$/.test(path))),
      );
    }),
  );
});

test("a line that a full disk cut names nothing: there may be a foreign file that is called so", () => {
  fc.assert(
    fc.property(name, fc.constantFrom("+", "-"), fc.nat(40), (path, mark, cut) => {
      const longer = `${path}x`;
      const before = mark === "-" ? [path, longer] : [];
      const line = journalLines(mark, [longer]);
      const text =
        journalLines("+", before) + line.slice(0, Math.min(cut, line.length - 2)) + journalLines("+", ["next"]);
      const reader = new ManifestReader();
      for (const part of text.split("\n")) reader.take(part);
      expect(new Set(reader.placed)).toEqual(new Set([...before, "next"]));
    }),
  );
});

test("lines are the same however the output is cut into pieces", () => {
  fc.assert(
    fc.property(
      fc.array(
        name.map((text) => text.replaceAll("\n", "")),
        { maxLength: 20 },
      ),
      fc.nat(7),
      (lines, step) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const seen: string[] = [];
        const reader = new LineReader((line) => seen.push(line));
        for (let at = 0; at < bytes.length; at += step + 1) reader.push(bytes.subarray(at, at + step + 1));
        expect(seen).toEqual(lines);
      },
    ),
  );
});

test("a line without an end is refused", () => {
  const reader = new LineReader(() => {});
  expect(() => {
    for (let count = 0; count < 100; count += 1) reader.push(Buffer.alloc(65_536, "x"));
  }).toThrow("without an end");
});

test("the end of a command's output is found however it is cut, and is no part of it", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.nat(255), fc.nat(9), (output, code, step) => {
      const bytes = Buffer.from(`${output}\n0123456789abcdef ${code}\n`);
      let told = "";
      const tail = new OutputTail("0123456789abcdef", (text) => (told += text));
      for (let at = 0; at < bytes.length; at += step + 1) tail.push(bytes.subarray(at, at + step + 1));
      expect([tail.exitCode, tail.result().output]).toEqual([code, Buffer.from(output).toString()]);
      expect(told).toBe(Buffer.from(output).toString());
    }),
  );
});

describe("answers", () => {
  const pending = (id: number, told: string[]) => ({
    id,
    onRecord: (line: string) => told.push(`record ${line}`),
    onDone: (rest: string) => told.push(`done ${rest}`),
    onFailure: ({ kind, path, text }: { kind: string; path: string | undefined; text: string }) =>
      told.push(`failed ${kind} ${path} ${text}`),
    onLost: () => told.push("lost"),
  });

  test("go to the requests in order, with their records", () => {
    const told: string[] = [];
    const answers = new Answers();
    answers.expect(pending(1, told));
    answers.expect(pending(2, told));
    for (const line of ["s 81a4 1 ./a", "+ 1 0", ". 1 x", "! 2 ENOSPC a\\sb no space"]) answers.take(line);
    expect(told).toEqual(["record s 81a4 1 ./a", "done x", "failed ENOSPC a b no space"]);
  });

  test("to what was not asked are refused", () => {
    const answers = new Answers();
    expect(() => answers.take(". 9 ")).toThrow("answered request 9");
    answers.expect(pending(1, []));
    expect(() => answers.take(". 2 ")).toThrow("while 1 was waiting");
  });
});

test("an inventory leaves out what was seen through a link, and what has no record of its folder", () => {
  const reader = new InventoryReader(["d/a", "l/a", "x/a"], false, true);
  expect(new Set(reader.asked)).toEqual(new Set(["d/a", "d", "l/a", "l", "x/a", "x"]));
  const digest = "a".repeat(64);
  const lines = [
    "s 41ed 4096 ./d",
    "s a1ff 1 ./l",
    "s 81a4 3 ./d/a",
    "s 81a4 3 ./l/a",
    `${digest}  ./d/a`,
    `${digest}  ./l/a`,
  ];
  for (const line of ["r d /r", ...lines, "n ./l", "t d", "s 81a4 3 ./x/a"]) reader.take(line);
  expect(reader.inventory()).toEqual({
    root: "directory",
    placed: [],
    entries: [{ type: "file", path: "d/a", mode: 0o644, size: 3, digest }],
  });
});

test("a marker that makes no sense counts as none", () => {
  for (const marker of ["", "{", "[]", `{"format":2,"runId":"s","since":"x"}`, `{"format":1}`]) {
    const reader = new InventoryReader([], false, false);
    reader.take(`m ${marker}`);
    expect(reader.inventory().marker, marker).toBeUndefined();
  }
});

describe("a commit is planned", () => {
  test("with what makes room first, then what moves in, then what goes, then modes from the inside out", async () => {
    const { steps } = planCommit(
      await createBatch(root, [
        { remove: "b/x" },
        { directory: "n", mode: 0o555 },
        { file: "n/f", bytes: "1" },
        { directory: "n/m", mode: 0o555 },
        { file: "b", bytes: "2", replaces: "directory" },
        { chmod: "z", mode: 0o600 },
        { remove: "old/f" },
        { remove: "old", type: "directory" },
      ]),
    );
    expect(steps.map(({ op, path }) => `${op} ${path}`)).toEqual([
      "x b/x",
      "d n",
      "f n/f",
      "d n/m",
      "f b",
      "x old/f",
      "y old",
      "c z",
      "c n/m",
      "c n",
    ]);
    // What is in a new folder travels with it; a folder that cannot be written to gets its mode at the end.
    expect(steps.filter((step) => step.moves).map((step) => step.path)).toEqual(["n", "b"]);
    expect(steps.find((step) => step.op === "d")?.mode).toBe(0o755);
  });
});

test.each([
  ["the root itself cannot be made", "/proc/src", "KINSYNC_TARGET_PATH"],
  [
    "what kinsync keeps is gone, as when another run claims at that moment",
    "/app/.kinsync/src-1",
    "KINSYNC_TARGET_LOST",
  ],
])("at a claim %s: only a root that cannot be made is the end", (_situation, path, code) => {
  const failure = { kind: "TEXT", path, text: "mv: can't rename: No such file or directory" };
  const target = { pod: "x", container: "main" } as Target;
  expect(errorOfAgent(failure, { target, verb: "claim", root: "/app/src" })).toMatchObject({ code });
});
