import { test } from "node:test";
import { transportConformance } from "@kinsync/core/testing";
import { make__PascalName__Environment } from "./environment.ts";

transportConformance(make__PascalName__Environment, { test: (name, run) => void test(name, run) });
