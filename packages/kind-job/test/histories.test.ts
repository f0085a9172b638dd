import { cronjob, job } from "@kinsync/kind-job";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";
import { cronJobCounts } from "../../../test/support/controller-counts/cronjob.ts";
import { jobCounts } from "../../../test/support/controller-counts/job.ts";

const JOBS = loadHistories(new URL("./histories/job/", import.meta.url));
const CRON_JOBS = loadHistories(new URL("./histories/cronjob/", import.meta.url));

historyConformance(job(), JOBS, { test, crossCheck: jobCounts });
historyConformance(cronjob(), CRON_JOBS, { test, kinds: [job()], crossCheck: cronJobCounts });
