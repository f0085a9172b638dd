import { daemonset } from "@kinsync/kind-daemonset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

kindConformance(daemonset(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test, isolated });
