import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DeadlineError, deadline, pause, untilAborted, within } from "../../src/time/deadline.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  if (left > 0) throw new Error("a timer is left");
});

describe("a deadline", () => {
  test("aborts its signal after the time limit, with the operation", () => {
    using limited = deadline(new AbortController().signal, 1_000, "list pods");
    vi.advanceTimersByTime(999);
    expect(limited.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(limited.signal.reason).toBeInstanceOf(DeadlineError);
    expect(limited.signal.reason).toMatchObject({ message: "list pods: no answer in time" });
    expect(limited.isOver).toBe(true);
  });

  test("starts again with each sign of life", () => {
    using limited = deadline(new AbortController().signal, 1_000, "watch pods");
    vi.advanceTimersByTime(900);
    limited.touch();
    vi.advanceTimersByTime(900);
    expect(limited.isOver).toBe(false);
    vi.advanceTimersByTime(100);
    expect(limited.isOver).toBe(true);
  });

  test("aborts with the outer signal and is not over then", () => {
    const outer = new AbortController();
    using limited = deadline(outer.signal, 1_000, "list pods");
    const reason = new Error("interrupted");
    outer.abort(reason);
    vi.advanceTimersByTime(2_000);
    expect(limited.signal.reason).toBe(reason);
    expect(limited.isOver).toBe(false);
  });

  test("of an aborted signal is aborted from the start", () => {
    using limited = deadline(AbortSignal.abort(new Error("interrupted")), 1_000, "list pods");
    expect(limited.signal.aborted).toBe(true);
  });

  test("that is disposed aborts what is left of the work", () => {
    const limited = deadline(new AbortController().signal, 1_000, "list pods");
    limited[Symbol.dispose]();
    expect(limited.signal.aborted).toBe(true);
    expect(limited.isOver).toBe(false);
  });
});

describe("a pause", () => {
  test("ends after its time", async () => {
    let isOver = false;
    const paused = pause(500, new AbortController().signal).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(499);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await paused;
  });

  test("ends at once, without an error, when its signal aborts", async () => {
    const controller = new AbortController();
    const paused = pause(60_000, controller.signal);
    controller.abort();
    await paused;
    expect(vi.getTimerCount()).toBe(0);
    await pause(60_000, controller.signal);
  });
});

describe("waiting until aborted", () => {
  test("gives the result of the work", async () => {
    await expect(untilAborted(Promise.resolve(7), new AbortController().signal)).resolves.toBe(7);
  });

  test("rejects with the failure of the work", async () => {
    const work = Promise.reject(new Error("broken"));
    await expect(untilAborted(work, new AbortController().signal)).rejects.toThrow("broken");
  });

  test("rejects with the signal's reason, and ignores a later failure of the work", async () => {
    const controller = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    const answer = Promise.allSettled([untilAborted(promise, controller.signal)]);
    controller.abort(new Error("interrupted"));
    reject(new Error("too late"));
    expect((await answer)[0]).toMatchObject({ reason: { message: "interrupted" } });
    await expect(untilAborted(promise, controller.signal)).rejects.toThrow("interrupted");
  });
});

test("waiting with a limit ends with the work, with its failure, or at the limit", async () => {
  await within(1_000, Promise.resolve());
  await expect(within(1_000, Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  const late = within(1_000, new Promise(() => undefined));
  vi.advanceTimersByTime(1_000);
  await late;
});
