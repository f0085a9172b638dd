import { isTruth } from "../histories/history.ts";
import type { HistoryEvent, HistoryTruth } from "../histories/history.ts";

export interface ReorderOptions {
  /**
   * Probability that a watch breaks at an event and restarts with a list. Of the events up to then, only the last state of each object
   * arrives, all at once and with the same time. From 0 to 1. Default: 0.
   */
  readonly loss?: number;
}

/** Events of one watch that arrive at once. */
type Burst = readonly HistoryEvent[];

/**
 * Another order in which the same events could have arrived: each watch keeps its own order, the watches overtake each other.
 * No event passes a truth, because all earlier events have arrived by then.
 *
 * @param random numbers in [0, 1)
 */
export function reorderHistory(
  lines: readonly (HistoryEvent | HistoryTruth)[],
  random: () => number,
  options: ReorderOptions = {},
): (HistoryEvent | HistoryTruth)[] {
  const { loss = 0 } = options;
  const result: (HistoryEvent | HistoryTruth)[] = [];
  let waiting: HistoryEvent[] = [];
  const flush = (): void => {
    const watches = Map.groupBy(waiting, watchOf).values();
    result.push(
      ...interleaved(
        [...watches].map((events) => inBursts(events, random, loss)),
        random,
      ).flat(),
    );
    waiting = [];
  };
  for (const line of lines) {
    if (isTruth(line)) {
      flush();
      result.push(line);
    } else waiting.push(line);
  }
  flush();
  return result;
}

/** Whether two events of a history with loss arrived at once, by one list. */
export function isSameBurst(one: HistoryEvent | HistoryTruth, other: HistoryEvent | HistoryTruth | undefined): boolean {
  return (
    other !== undefined && !isTruth(one) && !isTruth(other) && one.at === other.at && watchOf(one) === watchOf(other)
  );
}

function watchOf({ object }: HistoryEvent): string {
  return `${object.apiVersion} ${object.kind}`;
}

function inBursts(events: readonly HistoryEvent[], random: () => number, loss: number): Burst[] {
  const bursts: Burst[] = [];
  for (let from = 0; from < events.length;) {
    const length = random() < loss ? 1 + Math.floor(random() * (events.length - from)) : 1;
    const burst = listed(events.slice(from, from + length));
    if (burst.length > 0) bursts.push(burst);
    from += length;
  }
  return bursts;
}

/** The events of a list that replaces these events. Objects that were created and deleted in between do not appear. */
function listed(events: readonly HistoryEvent[]): Burst {
  const at = events.at(-1)?.at ?? 0;
  return [...Map.groupBy(events, ({ object }) => object.metadata.uid).values()].flatMap((ofObject) => {
    const [first, last] = [ofObject[0], ofObject.at(-1)];
    if (first === undefined || last === undefined) return [];
    const isNew = first.type === "ADDED";
    if (isNew && last.type === "DELETED") return [];
    return [{ at, type: isNew ? "ADDED" : last.type, object: last.object }];
  });
}

function interleaved(watches: readonly (readonly Burst[])[], random: () => number): Burst[] {
  let queues = watches.filter((queue) => queue.length > 0).map((queue) => ({ queue, next: 0 }));
  const merged: Burst[] = [];
  while (queues.length > 0) {
    const picked = queues[Math.floor(random() * queues.length)];
    if (picked === undefined) break;
    // A watch is often several events ahead of the others, so several of its events follow each other.
    for (let run = 1 + Math.floor(random() ** 3 * picked.queue.length); run > 0; run--) {
      const burst = picked.queue[picked.next];
      if (burst === undefined) break;
      picked.next += 1;
      merged.push(burst);
    }
    queues = queues.filter(({ queue, next }) => next < queue.length);
  }
  return merged;
}
