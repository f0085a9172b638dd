import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Answers, LineReader } from "../../src/protocol/answers.ts";

/** Any file name that is valid UTF-8. */
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !/[\0/]/.test(text));

test("output yields the same lines, however it is cut into pieces", () => {
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

test("output without a newline fails at the limit", () => {
  const reader = new LineReader(() => {});
  expect(() => {
    for (let count = 0; count < 100; count += 1) reader.push(Buffer.alloc(65_536, "x"));
  }).toThrow("without a newline");
});

describe("answers", () => {
  const pending = (id: number, calls: string[]) => ({
    id,
    onRecord: (line: string) => calls.push(`record ${line}`),
    onDone: (rest: string) => calls.push(`done ${rest}`),
    onFailure: ({ kind, path, text }: { kind: string; path: string | undefined; text: string }) =>
      calls.push(`failed ${kind} ${path} ${text}`),
    onLost: () => calls.push("lost"),
  });

  test("are dispatched to requests in order, with their records", () => {
    const calls: string[] = [];
    const answers = new Answers();
    answers.expect(pending(1, calls));
    answers.expect(pending(2, calls));
    for (const line of ["- s 81a4 1 ./a", "+ 1 0", ". 1 x", "! 2 ENOSPC a\\sb no space"]) answers.take(line);
    expect(calls).toEqual(["record s 81a4 1 ./a", "done x", "failed ENOSPC a b no space"]);
  });

  test("with an unexpected ID are rejected", () => {
    const answers = new Answers();
    expect(() => answers.take(". 9 ")).toThrow("answered request 9");
    answers.expect(pending(1, []));
    expect(() => answers.take(". 2 ")).toThrow("the open request is 1");
  });
});
