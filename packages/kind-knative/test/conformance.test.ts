import { deployment } from "@kinsync/kind-deployment";
import { knativeservice } from "@kinsync/kind-knative";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

const cases = loadKindCases(new URL("./fixtures/", import.meta.url));

kindConformance(knativeservice(), cases, { test, isolated, kinds: [deployment()] });
