import { daemonset } from "@kinsync/kind-daemonset";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";

historyConformance(daemonset(), loadHistories(new URL("./histories/", import.meta.url)), { test });
