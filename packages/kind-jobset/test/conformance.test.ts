import { jobset } from "@kinsync/kind-jobset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

kindConformance(jobset(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test });
