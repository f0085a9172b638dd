import { test } from "node:test";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { __factory__ } from "../src/index.ts";

kindConformance(__factory__(), loadKindCases(new URL("../fixtures/", import.meta.url)), { test });
