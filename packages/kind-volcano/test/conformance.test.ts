import { volcanojob } from "@kinsync/kind-volcano";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

kindConformance(volcanojob(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test });
