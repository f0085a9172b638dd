import { rollout } from "@kinsync/kind-rollout";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

kindConformance(rollout(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test, isolated });
