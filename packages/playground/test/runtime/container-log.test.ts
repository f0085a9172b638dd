import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, test } from "vitest";

import { ContainerLog } from "../../src/runtime/container-log.ts";

let log: ContainerLog;
let output: PassThrough;
beforeEach(() => {
  log = new ContainerLog();
  output = new PassThrough();
  log.collect(output);
});

/** Emits a chunk, and waits until it is stored. */
async function say(chunk: string, stream = output): Promise<void> {
  stream.write(chunk);
  await new Promise((resolve) => setImmediate(resolve));
}

describe("a log", () => {
  test("has whole lines; the end of the run ends the last one", async () => {
    await say("one\ntw");
    expect(log.text()).toBe("one\n");
    await say("o\nthree");
    log.end();
    expect(await text(log.read({ follow: false }))).toBe("one\ntwo\nthree\n");
  });

  test("is read from a moment on, and from the last lines on", async () => {
    await say("one\n");
    const since = performance.timeOrigin + performance.now();
    await say("two\nthree\n");
    expect(await text(log.read({ follow: false, since }))).toBe("two\nthree\n");
    expect(await text(log.read({ follow: false, tailLines: 1 }))).toBe("three\n");
    expect(await text(log.read({ follow: false, tailLines: 0 }))).toBe("");
    expect(await text(log.read({ follow: false, tailLines: 9, since }))).toBe("two\nthree\n");
    expect(await text(log.read({ follow: false, limitBytes: 5 }))).toBe("one\nt");
  });

  test("has a time in front of each line, for followers too", async () => {
    const followed = text(log.read({ follow: true, timestamps: true }));
    await say("one\ntwo\n");
    log.end();
    const stamped = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one\n\S+Z two\n$/;
    expect(await followed).toMatch(stamped);
    expect(await text(log.read({ follow: true, timestamps: true }))).toBe(await followed);
  });

  test("keeps lines of two outputs apart", async () => {
    const other = new PassThrough();
    log.collect(other);
    await say("out");
    await say("error\n", other);
    await say("put\n");
    expect(log.text()).toBe("error\noutput\n");
  });

  test("stores a long line in pieces, of which the first has the time", async () => {
    await say(`${"x".repeat(40_000)}\n`);
    const stamped = await text(log.read({ follow: false, timestamps: true }));
    expect(stamped).toMatch(/^\S+Z x{40000}\n$/);
  });
});
