import { jobset } from "@kinsync/kind-jobset";
import { kindConformance } from "@kinsync/core/testing";
import { test } from "vitest";
import { loadCases } from "./load-cases.ts";

kindConformance(jobset(), loadCases(), { test });
