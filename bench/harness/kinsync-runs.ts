import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createEngine, findWorkload } from "@kinsync/core";
import type { EngineEvent } from "@kinsync/core";
import { resolveConfig } from "@kinsync/core/config";
import type { KinsyncConfig, TransportPlugin } from "@kinsync/core/contract";
import { deployment } from "@kinsync/kind-deployment";
import { jobset } from "@kinsync/kind-jobset";
import { statefulset } from "@kinsync/kind-statefulset";
import { exec } from "@kinsync/transport-exec";
import type { BenchCluster } from "./bench-cluster.ts";
import { end } from "./measured-process.ts";

/** A kinsync that syncs until it is disposed. */
export interface Running extends AsyncDisposable {
  /** `undefined`: it is a part of this process. */
  readonly pid: number | undefined;
}

export type OnEvent = (event: EngineEvent) => void;

/** The config of the library and the CLI: each group's folder `bench/FOLDER` is synced from `from(workload)`. */
export function configOf(
  workloads: readonly string[],
  folder: string,
  from: (workload: string) => string,
): KinsyncConfig {
  return {
    workloads: workloads.map((workload) => ({ workload, sync: [{ from: from(workload), to: `bench/${folder}` }] })),
  };
}

/** The engine in this process, as in docs/guides/use-as-a-library.md. Resolves when everything is synced. */
export async function startLibrary(
  cluster: BenchCluster,
  config: KinsyncConfig,
  mode: "watch" | "once",
  { onEvent = () => {}, transport = exec() }: { readonly onEvent?: OnEvent; readonly transport?: TransportPlugin } = {},
): Promise<Running> {
  const kinds = [deployment(), jobset(), statefulset()];
  const stop = new AbortController();
  const plans = resolveConfig(config, {
    folder: "/",
    placeOf: () => "the benchmark",
    describe: (path) => path.join("."),
  });
  const workloads = await Promise.all(
    plans.map(async ({ workload, mappings, run, mode: releases, gang }) => {
      const signal = AbortSignal.timeout(10_000);
      const { ref, root } = await findWorkload(cluster.connection, kinds, workload, {
        namespace: cluster.namespace,
        signal,
      });
      return { name: workload, ref, root, mappings, run, mode: releases, ...(gang === undefined ? {} : { gang }) };
    }),
  );
  const ready = new Readiness(workloads.length);
  const engine = createEngine({
    cluster: cluster.connection,
    kinds,
    transports: [transport],
    workloads,
    runId: randomUUID(),
    owner: "bench (library)",
    mode,
    signal: stop.signal,
    onEvent: (event) => {
      onEvent(event);
      ready.take(event);
    },
  });
  const done = engine.run();
  await (mode === "once" ? done : Promise.race([ready.promise, done]));
  return {
    pid: undefined,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

const CLI_ARGUMENTS = {
  source: [
    "--conditions=kinsync:source",
    fileURLToPath(new URL("../../packages/cli/bin/kinsync.mjs", import.meta.url)),
  ],
  built: [fileURLToPath(new URL("../../packages/cli/bin/kinsync.mjs", import.meta.url))],
} as const;

/** Arguments of node that run the CLI: from its sources, or as `npm run build` built it. */
export function cliArguments(form: keyof typeof CLI_ARGUMENTS): readonly string[] {
  return CLI_ARGUMENTS[form];
}

/** Arguments of the CLI that select the cluster and the namespace of the benchmark. */
export function clusterArguments({ kubeconfig, context, namespace }: BenchCluster): readonly string[] {
  return ["--kubeconfig", kubeconfig, "--context", context, "-n", namespace];
}

/** `kinsync up` with a config file, as a process. Resolves when everything is synced. */
export async function startCli(
  cluster: BenchCluster,
  configFile: string,
  workloads: number,
  onEvent: OnEvent = () => {},
): Promise<Running> {
  const args = ["up", "--config", configFile, ...clusterArguments(cluster), "-o", "json"];
  const child = spawn(process.execPath, [...cliArguments(cluster.form), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ready = new Readiness(workloads);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = JSON.parse(line) as EngineEvent;
    onEvent(event);
    ready.take(event);
  });
  child.once("exit", (code) => ready.fail(new Error(`kinsync up ended with ${code}`)));
  await ready.promise;
  return { pid: child.pid, [Symbol.asyncDispose]: () => end(child, "SIGINT") };
}

/** Resolves when all workloads are ready. */
class Readiness {
  readonly #all = Promise.withResolvers<void>();
  readonly promise = this.#all.promise;
  #missing: number;

  constructor(workloads: number) {
    this.#missing = workloads;
    this.promise.catch(() => {});
  }

  take(event: EngineEvent): void {
    if (event.event === "failed" || event.event === "halted") this.fail(new Error(event.reason));
    if (event.event !== "ready") return;
    this.#missing -= 1;
    if (this.#missing === 0) this.#all.resolve();
  }

  fail(error: Error): void {
    this.#all.reject(error);
  }
}
