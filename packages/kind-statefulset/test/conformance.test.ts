import { statefulset } from "@kinsync/kind-statefulset";
import { kindConformance } from "@kinsync/core/testing";
import { test } from "vitest";
import { loadCases } from "./load-cases.ts";

kindConformance(statefulset(), loadCases(), { test });
