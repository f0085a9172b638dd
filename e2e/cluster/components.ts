import { spawn } from "node:child_process";
import { appendFile, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../harness/until.ts";
import { isWell } from "./api.ts";
import type { Component } from "./cluster.ts";
import { planOf } from "./control-plane.ts";
import type { ComponentPlan } from "./control-plane.ts";
import { NODE_PATH, nodeCommand } from "./node.ts";
import { findProgram, hasEnded, isAlive, pidNamespaceOf } from "./processes.ts";
import type { ProcessMark } from "./processes.ts";
import type { ClusterState, Layout, NodeState } from "./state.ts";

/** Milliseconds until a component serves, on a machine with other things to do. */
const START_LIMIT = 120_000;

/** Milliseconds until a killed component is gone. */
const END_LIMIT = 30_000;

/** Milliseconds between two looks. */
const EVERY = 50;

/** After so many looks a component that was never seen has ended. */
const LOOKS_UNSEEN = 60;

/** The components of one cluster, as processes. */
export class Components {
  readonly #state: ClusterState;
  readonly #layout: Layout;

  constructor(state: ClusterState, layout: Layout) {
    this.#state = state;
    this.#layout = layout;
  }

  find(component: Component, node: NodeState): Promise<ProcessMark | undefined> {
    return findProgram(node.init?.namespace ?? "", this.#plan(component, node).program);
  }

  /**
   * Starts a component where it does not run, and waits until it is well.
   * @throws with the end of its log where it ends, or takes too long.
   */
  async start(component: Component, node: NodeState, signal?: AbortSignal): Promise<void> {
    const plan = this.#plan(component, node);
    const log = join(this.#layout.logs, `${node.name}-${component}.log`);
    let running = await this.find(component, node);
    if (running === undefined) await launch(plan, node, log);
    let looks = 0;
    const look = async () => {
      if (await isWell(plan.health)) return "well";
      // Right after its start it is not to be seen yet.
      running ??= await this.find(component, node);
      const ended = running === undefined ? ++looks > LOOKS_UNSEEN : !(await isAlive(running));
      return ended && "ended";
    };
    const options = { within: START_LIMIT, every: EVERY, ...(signal === undefined ? {} : { signal }) };
    const state = await until("it serves", look, options).catch((cause: unknown) => {
      signal?.throwIfAborted();
      return cause instanceof Error ? cause.message : String(cause);
    });
    if (state === "well") return;
    throw new Error(
      `${component} of ${node.name} does not serve (${state}); the end of its log:\n${await tailOf(log)}`,
    );
  }

  async kill(component: Component, node: NodeState): Promise<void> {
    const found = await this.find(component, node);
    if (found === undefined) return;
    send(found.pid, "SIGKILL");
    const gone = () => hasEnded(found.pid);
    await until(`${component} of ${node.name} is gone`, gone, { within: END_LIMIT, every: EVERY });
  }

  async signal(component: Component, node: NodeState, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    const found = await this.find(component, node);
    if (found !== undefined) send(found.pid, signal);
  }

  #plan(component: Component, node: NodeState): ComponentPlan {
    return planOf(component, this.#state, this.#layout, node);
  }
}

/** Starts a process that outlives this one: the node's first process becomes its parent, and buries it. */
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
      timeout: START_LIMIT,
    });
    const launched = Promise.withResolvers<number | null>();
    child.once("error", launched.reject);
    child.once("exit", launched.resolve);
    const code = await launched.promise;
    if (code !== 0) throw new Error(`${argv[0]} was not started in ${node.name} (${code}): ${await tailOf(path)}`);
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
