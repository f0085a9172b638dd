import { daemonset } from "@kinsync/kind-daemonset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

kindConformance(daemonset(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test });
