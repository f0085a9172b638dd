import { daemonset } from "@kinsync/kind-daemonset";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";
import { daemonSetCounts } from "../../../test/support/controller-counts/daemonset.ts";

const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));

historyConformance(daemonset(), HISTORIES, { test, crossCheck: daemonSetCounts });
