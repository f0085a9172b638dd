import { isTruth } from "./history.ts";
import type { HistoryEvent, HistoryTruth } from "./history.ts";

export interface ReorderOptions {
  /**
   * How likely an event is lost that a later one of the same object makes up for before the next truth, as when a watch is
   * begun anew by a list. From 0 to 1. Default: 0.
   */
  readonly loss?: number;
}

/**
 * Another order in which the same events could have arrived: each watch keeps its own order, the watches overtake each other.
 * No event passes a truth, for by then everything has arrived.
 *
 * @param random numbers in [0, 1)
 */
export function reorderHistory(
  lines: readonly (HistoryEvent | HistoryTruth)[],
  random: () => number,
  options: ReorderOptions = {},
): (HistoryEvent | HistoryTruth)[] {
  const result: (HistoryEvent | HistoryTruth)[] = [];
  let waiting: HistoryEvent[] = [];
  const flush = (): void => {
    result.push(...interleaved(withLoss(waiting, random, options.loss ?? 0), random));
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

function withLoss(events: readonly HistoryEvent[], random: () => number, loss: number): readonly HistoryEvent[] {
  if (loss === 0) return events;
  const last = new Map(events.map((event) => [event.object.metadata.uid, event]));
  return events.filter((event) => last.get(event.object.metadata.uid) === event || random() >= loss);
}

function interleaved(events: readonly HistoryEvent[], random: () => number): HistoryEvent[] {
  const byWatch = Map.groupBy(events, ({ object }) => `${object.apiVersion} ${object.kind}`);
  let queues = [...byWatch.values()].map((queue) => ({ queue, next: 0 }));
  const merged: HistoryEvent[] = [];
  while (queues.length > 0) {
    const picked = queues[Math.floor(random() * queues.length)];
    if (picked === undefined) break;
    // A watch is often several events ahead of the others, so it is picked for a run of them.
    for (let run = 1 + Math.floor(random() ** 3 * picked.queue.length); run > 0; run--) {
      const event = picked.queue[picked.next];
      if (event === undefined) break;
      picked.next += 1;
      merged.push(event);
    }
    queues = queues.filter(({ queue, next }) => next < queue.length);
  }
  return merged;
}
