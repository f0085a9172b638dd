import { appwrapper } from "@kinsync/kind-appwrapper";
import { deployment } from "@kinsync/kind-deployment";
import { job } from "@kinsync/kind-job";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";
import { appWrapperCounts } from "../../../test/support/controller-counts/appwrapper.ts";

const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));

historyConformance(appwrapper(), HISTORIES, { test, kinds: [deployment(), job()], crossCheck: appWrapperCounts });
