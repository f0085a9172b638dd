import { advancedstatefulset, cloneset } from "@kinsync/kind-kruise";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";
import { advancedStatefulSetCounts, cloneSetCounts } from "../../../test/support/controller-counts/kruise.ts";

const CLONE_SETS = loadHistories(new URL("./histories/cloneset/", import.meta.url));
const STATEFUL_SETS = loadHistories(new URL("./histories/kruise-statefulset/", import.meta.url));

historyConformance(cloneset(), CLONE_SETS, { test, crossCheck: cloneSetCounts });
historyConformance(advancedstatefulset(), STATEFUL_SETS, { test, crossCheck: advancedStatefulSetCounts });
