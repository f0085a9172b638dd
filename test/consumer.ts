// A project that uses the packages as they are published; compiled and run by scripts/check-packages.ts.
import { createEngine, isKinsyncError, KinsyncError } from "@kinsync/core";
import { connectCluster } from "@kinsync/core/cluster";
import { defineKind, type KindPlugin } from "@kinsync/core/contract";
import { kindConformance } from "@kinsync/core/testing";
import { deployment } from "@kinsync/kind-deployment";
import { jobset } from "@kinsync/kind-jobset";
import { statefulset } from "@kinsync/kind-statefulset";
import { createPlayground } from "@kinsync/playground";
import { exec } from "@kinsync/transport-exec";
import { defineConfig } from "kinsync";

const mine: KindPlugin = defineKind({
  name: "widget",
  root: { group: "example.com", version: "v1", kind: "Widget", plural: "widgets" },
  watches: () => ({ watches: [] }),
  judge: () => ({ pod: () => ({ state: "current", reason: { code: "owned", message: "the Widget owns it" } }) }),
});

const config = defineConfig({
  kinds: [jobset(), deployment(), statefulset(), mine],
  transports: [exec()],
  workloads: [{ workload: "widget/one", sync: [{ from: "src", to: "/app/src" }] }],
});

const functions = [createEngine, connectCluster, kindConformance, createPlayground];
const error = new KinsyncError("KINSYNC_USAGE", "a message");
if (config.workloads.length !== 1 || functions.some((one) => typeof one !== "function") || !isKinsyncError(error)) {
  throw new Error("the packages are not what their types say");
}

const playground = await createPlayground();
const signal = AbortSignal.timeout(20_000);
const cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath, signal });
const answer = await cluster.request({ path: "/version", signal });
await answer.json();
await cluster[Symbol.asyncDispose]();
await playground.close();
if (answer.status !== 200) throw new Error(`the playground answered ${answer.status}`);
process.stdout.write("consumer ok\n");
