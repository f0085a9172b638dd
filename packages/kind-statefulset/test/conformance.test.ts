import { statefulset } from "@kinsync/kind-statefulset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

kindConformance(statefulset(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test, isolated });
