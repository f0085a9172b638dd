import { deployment } from "@kinsync/kind-deployment";
import { kindConformance } from "@kinsync/core/testing";
import { test } from "vitest";
import { loadCases } from "./load-cases.ts";

kindConformance(deployment(), loadCases(), { test });
