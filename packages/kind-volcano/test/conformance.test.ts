import { volcanojob } from "@kinsync/kind-volcano";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

kindConformance(volcanojob(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test, isolated });
