import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createEngine, findWorkload } from "@kinsync/core";
import type { EngineEvent } from "@kinsync/core";
import { resolveConfig } from "@kinsync/core/config";
import type { KinsyncConfig } from "@kinsync/core/contract";
import { deployment } from "@kinsync/kind-deployment";
import { jobset } from "@kinsync/kind-jobset";
import { statefulset } from "@kinsync/kind-statefulset";
import { exec } from "@kinsync/transport-exec";
import { end } from "./process.ts";
import type { World } from "./bench-cluster.ts";

/** A kinsync that keeps workloads in step until it is disposed. */
export interface Running extends AsyncDisposable {
  /** `undefined` where it is a part of this process. */
  readonly pid: number | undefined;
}

export type OnEvent = (event: EngineEvent) => void;

/** The config that both ways get: each group's folder `bench/FOLDER` from `from(workload)`. */
export function configOf(
  workloads: readonly string[],
  folder: string,
  from: (workload: string) => string,
): KinsyncConfig {
  return {
    workloads: workloads.map((workload) => ({ workload, sync: [{ from: from(workload), to: `bench/${folder}` }] })),
  };
}

/** The engine in this process, as in docs/guides/use-as-a-library.md. Settles when everything is in step. */
export async function startLibrary(
  world: World,
  config: KinsyncConfig,
  mode: "watch" | "once",
  onEvent: OnEvent = () => {},
): Promise<Running> {
  const kinds = [deployment(), jobset(), statefulset()];
  const stop = new AbortController();
  const plans = resolveConfig(config, { folder: "/", describe: (path) => path.join(".") });
  const workloads = await Promise.all(
    plans.map(async ({ workload, mappings, run }) => {
      const signal = AbortSignal.timeout(10_000);
      const { ref } = await findWorkload(world.cluster, kinds, workload, { namespace: world.namespace, signal });
      return { name: workload, ref, mappings, run };
    }),
  );
  const ready = new Readiness(workloads.length);
  const engine = createEngine({
    cluster: world.cluster,
    kinds,
    transports: [exec()],
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

const BIN = {
  source: ["--conditions=kinsync:source", fileURLToPath(new URL("../../packages/cli/src/bin.mjs", import.meta.url))],
  built: [fileURLToPath(new URL("../../packages/cli/dist/bin.mjs", import.meta.url))],
} as const;

/** Arguments of node that run the CLI: from its sources, or as `npm run build` made it. */
export function cli(form: keyof typeof BIN): readonly string[] {
  return BIN[form];
}

/** `kinsync up` as a process, from a config file. Settles when everything is in step. */
export async function startCli(
  world: World,
  configFile: string,
  workloads: number,
  onEvent: OnEvent = () => {},
): Promise<Running> {
  const { kubeconfig, context, namespace } = world;
  const args = [
    "up",
    "--config",
    configFile,
    "--kubeconfig",
    kubeconfig,
    "--context",
    context,
    "-n",
    namespace,
    "-o",
    "json",
  ];
  const child = spawn(process.execPath, [...cli(world.form), ...args], { stdio: ["ignore", "pipe", "inherit"] });
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
