import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { PullEntry } from "../../src/contract/pull.ts";
import { pullFake } from "./support/fake-pull.ts";
import { createSandbox } from "./support/sandbox.ts";

const folder = (path: string): PullEntry => ({ path, type: "directory" });
const file = (path: string, executable = false): PullEntry => ({ path, type: "file", executable });
const link = (path: string, target: string): PullEntry => ({ path, type: "link", target });

test("files, folders and links that stay inside are written; only the executable bit is kept", async () => {
  using box = createSandbox();
  const entries = [
    folder(""),
    folder("d"),
    file("d/f"),
    file("run", true),
    link("d/l", "../run"),
    link("dangling", "no"),
  ];
  const { done, error } = await pullFake({ entries }, box.to);
  expect(error).toBeUndefined();
  expect(box.inside()).toEqual(["d/ 755", "d/f 644 1 d/f", "d/l -> ../run", "dangling -> no", "run 755 1 run"]);
  expect(done).toMatchObject({ written: 2, links: 2, leftOut: 0, bytes: 6, isComplete: true });
});

test("a second pull transfers nothing", async () => {
  using box = createSandbox();
  const container = { entries: [folder(""), file("a"), file("b"), link("l", "a")] };
  await pullFake(container, box.to);
  const { done, sent } = await pullFake(container, box.to);
  expect(sent).toEqual({});
  expect(done).toMatchObject({ written: 0, unchanged: 2, links: 1, bytes: 0, isComplete: true });
});

test("a file that exists with other content stays without --overwrite, and no byte of it is sent", async () => {
  using box = createSandbox();
  writeFileSync(join(box.to, "a"), "mine");
  const { done, leftOut, sent } = await pullFake({ entries: [file("a"), file("b")] }, box.to);
  expect(leftOut).toEqual({ a: "exists" });
  expect(sent).toEqual({ b: 1 });
  expect(done?.isComplete).toBe(false);
  expect(box.inside()).toEqual(["a 644 1 mine", "b 644 1 b"]);
});

test("--overwrite replaces a file, and sends only what was added to its end", async () => {
  using box = createSandbox();
  writeFileSync(join(box.to, "a"), "mine");
  writeFileSync(join(box.to, "log"), "x".repeat(5000));
  const files = { log: `${"x".repeat(5000)}more` };
  const { sent } = await pullFake({ entries: [file("a"), file("log")], files }, box.to, { overwrite: true });
  expect(sent).toEqual({ a: 1, log: 4 });
  expect(readFileSync(join(box.to, "a"), "utf8")).toBe("a");
  expect(readFileSync(join(box.to, "log"), "utf8")).toBe(files.log);
});

test("--overwrite leaves a file alone that another name outside has too", async () => {
  using box = createSandbox();
  linkSync(join(box.base, "sentinel"), join(box.to, "a"));
  await pullFake({ entries: [file("a")] }, box.to, { overwrite: true });
  expect(readFileSync(join(box.base, "sentinel"), "utf8")).toBe("keep sentinel");
  expect(readFileSync(join(box.to, "a"), "utf8")).toBe("a");
});

test("a lost connection leaves a part, and the next pull goes on from it", async () => {
  using box = createSandbox();
  const files = { big: "0123456789".repeat(1000) };
  const first = await pullFake({ entries: [file("big")], files, cutAfter: 4500 }, box.to);
  expect(first.error).toEqual(new Error("connection lost"));
  expect(existsSync(join(box.to, "big"))).toBe(false);
  const second = await pullFake({ entries: [file("big")], files }, box.to);
  expect(second.sent).toEqual({ big: 6000 });
  expect(second.done).toMatchObject({ written: 1, bytes: 6000, resumedBytes: 4000 });
  expect(box.inside()).toEqual([`big 644 1 ${files.big.slice(0, 100)}`]);
  expect(readFileSync(join(box.to, "big"), "utf8")).toBe(files.big);
});

test("a part of another content is dropped", async () => {
  using box = createSandbox();
  const files = { big: "0123456789".repeat(1000) };
  await pullFake({ entries: [file("big")], files: { big: "x".repeat(9000) }, cutAfter: 4500 }, box.to);
  const second = await pullFake({ entries: [file("big")], files }, box.to);
  expect(second.sent).toEqual({ big: 10_000 });
  expect(readFileSync(join(box.to, "big"), "utf8")).toBe(files.big);
});

test("a part that has another name outside is not written", async () => {
  using box = createSandbox();
  const files = { big: "keep sentinel and more" };
  await pullFake({ entries: [file("big")], files: { big: "keep".repeat(500) }, cutAfter: 1500 }, box.to);
  const [part = ""] = box.inside().map((line) => line.split(" ")[0]);
  expect(part).toMatch(/^\.kinsync-part-[\da-f]{16}$/);
  const at = join(box.to, part);
  rmSync(at);
  linkSync(join(box.base, "sentinel"), at);
  await pullFake({ entries: [file("big")], files }, box.to);
  expect(readFileSync(join(box.base, "sentinel"), "utf8")).toBe("keep sentinel");
  expect(readFileSync(join(box.to, "big"), "utf8")).toBe(files.big);
});

test("a file that changes while it is read is left out, and nothing of it stays", async () => {
  using box = createSandbox();
  const { leftOut, done } = await pullFake({ entries: [file("a")], isChanging: true }, box.to);
  expect(leftOut).toEqual({ a: "changed" });
  expect(done?.isComplete).toBe(false);
  expect(box.inside()).toEqual([]);
});

test("what cannot be read, devices and pipes are left out and named", async () => {
  using box = createSandbox();
  const entries: PullEntry[] = [file("gone"), { path: "pipe", type: "other" }, { path: "", type: "unreadable" }];
  const { leftOut } = await pullFake({ entries, files: { gone: undefined } }, box.to);
  expect(leftOut).toEqual({ gone: "unreadable", pipe: "type", "": "unreadable" });
});

test("a file whose name is not UTF-8 is missing afterwards, and the pull says so", async () => {
  using box = createSandbox();
  const entries: PullEntry[] = [
    { path: "na\uFFFDme", type: "other" },
    { path: "pipe", type: "other" },
  ];
  const result = await pullFake({ entries, files: {} }, box.to);
  expect(result.leftOut).toEqual({ "na\uFFFDme": "name", pipe: "type" });
  expect(result.done).toMatchObject({ isComplete: false });
});

test("a local link in the way is never followed: neither as a folder nor as a file", async () => {
  using box = createSandbox();
  symlinkSync("../beside", join(box.to, "d"));
  symlinkSync("../sentinel", join(box.to, "f"));
  symlinkSync("../beside/a", join(box.to, "g"));
  const before = box.outside();
  const entries = [folder("d"), file("d/a"), file("d/new"), file("f"), link("g", "x"), link("d/l", "a")];
  for (const overwrite of [false, true]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { leftOut } = await pullFake({ entries }, box.to, { overwrite });
    expect(leftOut).toEqual({
      d: "exists",
      "d/a": "exists",
      "d/new": "exists",
      f: "exists",
      g: "exists",
      "d/l": "link",
    });
    expect(box.outside()).toEqual(before);
  }
});

test("a link over a local link that leads outside is left out", async () => {
  using box = createSandbox();
  symlinkSync("../beside", join(box.to, "mine"));
  const { leftOut } = await pullFake({ entries: [link("l", "mine/a"), link("m", "mine/new")] }, box.to);
  expect(leftOut).toEqual({ l: "link", m: "link" });
  expect(box.inside()).toEqual(["mine -> ../beside"]);
});

test("a single file lands below its name in a folder, or under the local name", async () => {
  using box = createSandbox();
  await pullFake({ entries: [file("", true)], files: { "": "x" } }, box.to, { path: "/data/result.bin" });
  await pullFake({ entries: [file("")], files: { "": "y" } }, join(box.to, "other"), { path: "/data/result.bin" });
  await pullFake({ entries: [file("")], files: { "": "z" } }, join(box.to, "new/"), { path: "/data/result.bin" });
  expect(box.inside()).toEqual(["new/ 755", "new/result.bin 644 1 z", "other 644 1 y", "result.bin 755 1 x"]);
});

test("a container that answers with a file and more is given one file", async () => {
  using box = createSandbox();
  const to = join(box.to, "single");
  const before = box.outside();
  await pullFake({ entries: [file(""), file("beside"), folder("d"), link("l", "x")], files: { "": "x" } }, to);
  expect(box.outside()).toEqual(before);
  expect(box.inside()).toEqual(["single 644 1 x"]);
});

test("a folder is not written over a file, and a folder without permission is an error", async () => {
  using box = createSandbox();
  writeFileSync(join(box.to, "f"), "");
  const { error } = await pullFake({ entries: [folder(""), file("a")] }, join(box.to, "f"));
  expect(error).toMatchObject({ code: "KINSYNC_PULL_LOCAL" });
  if (process.getuid?.() === 0) return;
  mkdirSync(join(box.to, "locked"));
  chmodSync(join(box.to, "locked"), 0o500);
  const locked = await pullFake({ entries: [folder(""), file("a")] }, join(box.to, "locked"));
  expect(locked.error).toMatchObject({ code: "KINSYNC_PULL_LOCAL" });
  expect(statSync(join(box.to, "locked")).isDirectory()).toBe(true);
});

test("the progress states all bytes and those that are here, where the container reports sizes", async () => {
  using box = createSandbox();
  const { to } = box;
  const sized = (path: string, size: number): PullEntry => ({ ...file(path), size });
  const entries = [folder(""), sized("a", 3_000), sized("b", 5)];
  const files = { a: "a".repeat(3_000), b: "b".repeat(5) };
  const { events } = await pullFake({ entries, files }, to);
  expect(events.find(({ type }) => type === "started")).toMatchObject({ files: 2, total: 3_005 });
  expect(events.findLast(({ type }) => type === "progress")).toMatchObject({ bytes: 3_005, total: 3_005, here: 3_005 });
  const again = await pullFake({ entries, files }, to);
  expect(again.events.findLast(({ type }) => type === "progress")).toMatchObject({
    bytes: 0,
    total: 3_005,
    here: 3_005,
  });
  const unknown = await pullFake({ entries: [folder(""), sized("a", 3_000), file("b")], files }, to);
  expect(unknown.events.find(({ type }) => type === "started")).not.toHaveProperty("total");
});
