import type { PullProgress } from "@kinsync/core";
import { expect, test } from "vitest";
import { PullLine } from "../../src/commands/pull/pull-line.ts";

function progress(uid: string, parts: Partial<PullProgress>): PullProgress {
  const member = { namespace: "default", pod: uid, uid, container: "main" };
  return { type: "progress", member, files: 2, done: 1, bytes: 100, ...parts };
}

function draw(...events: readonly PullProgress[]): string {
  let text = "";
  const line = new PullLine({ isTTY: true, columns: 80, write: (more) => (text = more) });
  for (const event of events) line.draw(event);
  return text.replace("\r\u001B[K", "");
}

test("the line of a pull shows the bytes of all members that are here, of all that they have", () => {
  const one = progress("a", { total: 4_096, here: 1_024 });
  expect(draw(one, progress("b", { total: 4_096, here: 3_072 }))).toBe("2 of 4 files, 4 KiB of 8 KiB");
});

test("where a container reports no sizes, the line shows the bytes that arrived", () => {
  expect(draw(progress("a", { total: 4_096, here: 1_024 }), progress("b", {}))).toBe("2 of 4 files, 200 B");
});
