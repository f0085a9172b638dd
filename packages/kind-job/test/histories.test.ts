import { cronjob, job } from "@kinsync/kind-job";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";

for (const kind of [job(), cronjob()]) {
  const histories = loadHistories(new URL(`./histories/${kind.name}/`, import.meta.url));
  historyConformance(kind, histories, { test, kinds: [job()] });
}
