import { deployment } from "@kinsync/kind-deployment";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

kindConformance(deployment(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test });
