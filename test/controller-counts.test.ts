import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import type { History, HistoryTruth } from "@kinsync/core/testing";
import { describe, expect, test } from "vitest";
import { CONTROLLERS } from "../e2e/cluster/controllers/index.ts";
import { recordedKinds, type KindWithFolder } from "../e2e/harness/recorded-kinds.ts";

const PACKAGES = join(import.meta.dirname, "../packages");

const RECORDED = [undefined, "kubernetes", ...CONTROLLERS.map(({ name }) => name)].flatMap((controller) =>
  recordedKinds(controller),
);

describe.each(RECORDED.filter(({ crossCheck }) => crossCheck !== undefined))("the counts for $folder", (recorded) => {
  const histories = loadHistories(pathToFileURL(`${join(PACKAGES, recorded.folder)}/`));

  test("agree with the recorded truths", () => {
    expect(histories.filter((history) => !countsAgree(recorded, history)).map(({ name }) => name)).toEqual([]);
  });

  test("refuse a truth in which no member is current", () => {
    expect(histories.some((history) => !countsAgree(recorded, changed(history)))).toBe(true);
  });
});

function countsAgree({ kind, crossCheck, kinds = [] }: KindWithFolder, history: History): boolean {
  let agree = true;
  historyConformance(kind, [history], {
    kinds,
    ...(crossCheck === undefined ? {} : { crossCheck }),
    test: (name, run) => {
      if (!name.endsWith("the controller counts what the truths state")) return;
      try {
        run();
      } catch {
        agree = false;
      }
    },
  });
  return agree;
}

/** The history with truths that call the current members finished. */
function changed(history: History): History {
  const lines = history.lines.map((line) => ("truth" in line ? withoutCurrent(line) : line));
  return { ...history, lines };
}

function withoutCurrent(line: HistoryTruth): HistoryTruth {
  const { workload, members } = line.truth;
  const entries = Object.entries(members).map(
    ([pod, state]) => [pod, state === "current" ? "finished" : state] as const,
  );
  return { ...line, truth: { workload, members: Object.fromEntries(entries) } };
}
