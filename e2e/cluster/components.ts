import { spawn } from "node:child_process";
import { appendFile, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import pWaitFor from "p-wait-for";
import type { Component } from "./cluster.ts";
import { planOf } from "./control-plane.ts";
import type { ComponentPlan } from "./control-plane.ts";
import { isHealthy } from "./health.ts";
import { NODE_PATH, nodeCommand } from "./node.ts";
import { findProgram, hasEnded, isAlive, pidNamespaceOf } from "./processes.ts";
import type { ProcessMark } from "./processes.ts";
import type { ClusterState, Layout, NodeState } from "./state.ts";

/** Time limit for the start of a component on a loaded machine. */
const START_LIMIT_MS = 120_000;

/** Time limit for the end of a killed component. */
const END_LIMIT_MS = 30_000;

const PROBE_INTERVAL_MS = 50;

/** A component that was not found by this number of probes has ended. */
const MAX_PROBES_NOT_FOUND = 60;

/** The components of one cluster, as processes. */
export class Components {
  readonly #state: ClusterState;
  readonly #layout: Layout;

  constructor(state: ClusterState, layout: Layout) {
    this.#state = state;
    this.#layout = layout;
  }

  /** @param component one of the cluster, or the plan of another process */
  find(component: Component | ComponentPlan, node: NodeState): Promise<ProcessMark | undefined> {
    return findProgram(node.init?.namespace ?? "", this.#plan(component, node).program);
  }

  /**
   * Starts a component unless it runs, and waits until it is healthy.
   * @throws with the end of its log if it ends, or exceeds the time limit
   */
  async start(component: Component | ComponentPlan, node: NodeState, signal?: AbortSignal): Promise<void> {
    const plan = this.#plan(component, node);
    const log = join(this.#layout.logs, `${node.name}-${plan.component}.log`);
    let running = await this.find(component, node);
    if (running === undefined) await launch(plan, node, log);
    let probes = 0;
    const probe = async () => {
      if (await isHealthy(plan.health)) return pWaitFor.resolveWith("healthy");
      // It may not be visible right after its start.
      running ??= await this.find(component, node);
      const hasEnded = running === undefined ? ++probes > MAX_PROBES_NOT_FOUND : !(await isAlive(running));
      return hasEnded && pWaitFor.resolveWith("ended");
    };
    const state = await pWaitFor(probe, {
      interval: PROBE_INTERVAL_MS,
      timeout: { milliseconds: START_LIMIT_MS, fallback: () => `not within ${START_LIMIT_MS / 1000} s` },
      ...(signal === undefined ? {} : { signal }),
    });
    if (state === "healthy") return;
    throw new Error(
      `${plan.component} of ${node.name} is not healthy (${state}); the end of its log:\n${await tailOf(log)}`,
    );
  }

  async kill(component: Component | ComponentPlan, node: NodeState): Promise<void> {
    const found = await this.find(component, node);
    if (found === undefined) return;
    send(found.pid, "SIGKILL");
    const message = `${this.#plan(component, node).component} of ${node.name} did not end within ${END_LIMIT_MS / 1000} s`;
    await pWaitFor(() => hasEnded(found.pid), {
      interval: PROBE_INTERVAL_MS,
      timeout: { milliseconds: END_LIMIT_MS, message },
    });
  }

  async signal(component: Component, node: NodeState, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    const found = await this.find(component, node);
    if (found !== undefined) send(found.pid, signal);
  }

  #plan(component: Component | ComponentPlan, node: NodeState): ComponentPlan {
    return typeof component === "object" ? component : planOf(component, this.#state, this.#layout, node);
  }
}

/** Starts a process that outlives this one: the node's first process becomes its parent and reaps it. */
async function launch({ argv, env }: ComponentPlan, node: NodeState, path: string): Promise<void> {
  const detached = ["setsid", "--fork", ...argv];
  const isInside = (await pidNamespaceOf("self")) === node.init?.namespace;
  const [file = "", ...args] = isInside ? detached : nodeCommand(node, detached);
  await appendFile(path, `--- started at ${new Date().toISOString()}\n`);
  const log = await open(path, "a");
  try {
    const child = spawn(file, args, {
      cwd: "/",
      stdio: ["ignore", log.fd, log.fd],
      env: { PATH: NODE_PATH, HOME: "/root", ...env },
      timeout: START_LIMIT_MS,
    });
    const launched = Promise.withResolvers<number | null>();
    child.once("error", launched.reject);
    child.once("exit", launched.resolve);
    const code = await launched.promise;
    if (code !== 0)
      throw new Error(`${argv[0]} could not be started in ${node.name} (exit code ${code}): ${await tailOf(path)}`);
  } finally {
    await log.close();
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function tailOf(path: string): Promise<string> {
  const lines = (await readFile(path, "utf8").catch(() => "")).trimEnd().split("\n");
  return lines.slice(-20).join("\n");
}
