import { expect, test } from "vitest";
import { OpenLimit } from "../../../src/sync/target/open-limit.ts";

const signal = new AbortController().signal;

/** Opens so many sessions on a node, each until it is let go; counts those that are being opened. */
function openMany(limit: OpenLimit, node: string, count: number, state: { open: number; most: number }) {
  const gates = Array.from({ length: count }, () => Promise.withResolvers<void>());
  const runs = gates.map((gate) =>
    limit.run(node, signal, async () => {
      state.open += 1;
      state.most = Math.max(state.most, state.open);
      await gate.promise;
      state.open -= 1;
    }),
  );
  return { gates, done: Promise.all(runs) };
}

const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

test("at most 8 sessions are opened at one time on one node, and all are in the end", async () => {
  const state = { open: 0, most: 0 };
  const { gates, done } = openMany(new OpenLimit(), "n1", 20, state);
  await settle();
  expect(state.open).toBe(8);
  for (const gate of gates) gate.resolve();
  await done;
  expect(state.most).toBe(8);
});

test("at most 48 sessions are opened at one time on all nodes together", async () => {
  const limit = new OpenLimit();
  const state = { open: 0, most: 0 };
  const nodes = Array.from({ length: 10 }, (_, at) => openMany(limit, `n${at}`, 8, state));
  await settle();
  expect(state.open).toBe(48);
  for (const { gates } of nodes) for (const gate of gates) gate.resolve();
  await Promise.all(nodes.map(({ done }) => done));
  expect(state.most).toBe(48);
});

test("what waits for its turn ends at once with its signal, and is never opened", async () => {
  const limit = new OpenLimit();
  const state = { open: 0, most: 0 };
  const { gates, done } = openMany(limit, "n1", 8, state);
  const abort = new AbortController();
  let isOpened = false;
  const waiting = limit.run("n1", abort.signal, async () => {
    isOpened = true;
  });
  await settle();
  abort.abort(new Error("interrupted"));
  await expect(waiting).rejects.toThrow("interrupted");
  for (const gate of gates) gate.resolve();
  await done;
  await settle();
  expect(isOpened).toBe(false);
});

test("a failed opening gives its place to the next", async () => {
  const limit = new OpenLimit();
  const failing = Array.from({ length: 20 }, () => limit.run("n1", signal, () => Promise.reject(new Error("refused"))));
  const results = await Promise.allSettled(failing);
  expect(results.every(({ status }) => status === "rejected")).toBe(true);
});
