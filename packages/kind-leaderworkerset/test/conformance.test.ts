import { leaderworkerset } from "@kinsync/kind-leaderworkerset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

kindConformance(leaderworkerset(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test });
