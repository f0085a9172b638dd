import { statefulset } from "@kinsync/kind-statefulset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

kindConformance(statefulset(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test });
