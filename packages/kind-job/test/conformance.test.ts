import { cronjob, job } from "@kinsync/kind-job";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

kindConformance(job(), loadKindCases(new URL("./fixtures/job/", import.meta.url)), { test });
kindConformance(cronjob(), loadKindCases(new URL("./fixtures/cronjob/", import.meta.url)), { test, kinds: [job()] });
