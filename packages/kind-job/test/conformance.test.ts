import { cronjob, job } from "@kinsync/kind-job";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

kindConformance(job(), loadKindCases(new URL("./fixtures/job/", import.meta.url)), { test, isolated });
kindConformance(cronjob(), loadKindCases(new URL("./fixtures/cronjob/", import.meta.url)), {
  test,
  isolated,
  kinds: [job()],
});
