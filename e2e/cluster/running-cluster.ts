import { cp } from "node:fs/promises";
import { join } from "node:path";
import { execute, run } from "../harness/command.ts";
import type { Outcome } from "../harness/command.ts";
import { AdminApi } from "./admin-api.ts";
import type { BuildOptions } from "./cached-build.ts";
import type { Cluster, Component, ContainerName, DownOptions, NodeCommandOptions, OfNode } from "./cluster.ts";
import { Components } from "./components.ts";
import { buildController } from "./controllers/build.ts";
import type { Controller } from "./controllers/controller.ts";
import { ControllerProcess } from "./controllers/process.ts";
import { IMAGES } from "../images/image-names.ts";
import { nodeCommand } from "./node.ts";
import { findContainer, pidNamespaceOf } from "./processes.ts";
import { environmentOf, layoutOf } from "./state.ts";
import type { ClusterState, Layout, NodeState } from "./state.ts";
import { removeCluster } from "./teardown.ts";

/** Time limit of one command of kubectl for a controller: it deletes all objects of a CRD. */
const KUBECTL_LIMIT_MS = 120_000;

/** Control over a running cluster, from the machine or from inside a node. */
export async function controlCluster(folder: string, state: ClusterState): Promise<Cluster> {
  const namespace = await pidNamespaceOf("self");
  return new RunningCluster(state, layoutOf(folder), namespace);
}

class RunningCluster implements Cluster {
  readonly id: string;
  readonly nodes: readonly [string, ...string[]];
  readonly folder: string;
  readonly logs: string;
  readonly auditLog: string;
  readonly kubeconfig: string;
  readonly kubeconfigInside: string;
  readonly kubectl: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly address: string;
  readonly images = IMAGES;
  readonly #state: ClusterState;
  readonly #components: Components;
  /** The PID namespace of this process: that of a node if it runs inside one. */
  readonly #namespace: string | undefined;

  constructor(state: ClusterState, layout: Layout, namespace: string | undefined) {
    const [first, ...others] = state.nodes;
    if (first === undefined) throw new Error(`the cluster ${state.id} has no node`);
    this.id = state.id;
    this.nodes = [first.name, ...others.map(({ name }) => name)];
    this.folder = layout.folder;
    this.logs = layout.logs;
    this.auditLog = join(layout.logs, "audit.log");
    this.kubeconfig = layout.kubeconfig;
    this.kubeconfigInside = layout.kubeconfigInside;
    this.kubectl = join(state.programs.kubernetes, "kubectl");
    this.environment = environmentOf(layout);
    this.address = first.address;
    this.#state = state;
    this.#components = new Components(state, layout);
    this.#namespace = namespace;
  }

  command(argv: readonly string[], options: OfNode & { readonly cwd?: string } = {}): readonly string[] {
    const node = this.#node(options.node);
    if (node.init?.namespace !== this.#namespace) return nodeCommand(node, argv, options.cwd);
    return options.cwd === undefined ? argv : ["env", `--chdir=${options.cwd}`, ...argv];
  }

  run(argv: readonly string[], options: NodeCommandOptions = {}): Promise<Outcome> {
    const { node, cwd, ...rest } = options;
    const where = { ...(node === undefined ? {} : { node }), ...(cwd === undefined ? {} : { cwd }) };
    return execute(this.command(argv, where), rest);
  }

  async pidOf({ namespace, pod, container }: ContainerName): Promise<number> {
    const found = await new AdminApi(this.kubeconfig).findPod(namespace, pod);
    if (found === undefined) throw new Error(`pod ${pod} in namespace ${namespace} does not exist`);
    const name = container ?? found.spec?.containers[0]?.name;
    const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = found.status ?? {};
    const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
      (each) => each.name === name && each.state?.running !== undefined,
    );
    const id = status?.containerID?.replace(/^.*:\/\//, "");
    const process = id === undefined ? undefined : await findContainer(id);
    if (process === undefined)
      throw new Error(`container ${name} of pod ${pod} in namespace ${namespace} does not run`);
    return process.pid;
  }

  async rootOf(place: ContainerName): Promise<string> {
    return `/proc/${await this.pidOf(place)}/root`;
  }

  async pidOfComponent(component: Component, of?: OfNode): Promise<number | undefined> {
    return (await this.#components.find(component, this.#node(of?.node)))?.pid;
  }

  kill(component: Component, of?: OfNode): Promise<void> {
    return this.#components.kill(component, this.#node(of?.node));
  }

  stop(component: Component, of?: OfNode): Promise<void> {
    return this.#components.signal(component, this.#node(of?.node), "SIGSTOP");
  }

  continue(component: Component, of?: OfNode): Promise<void> {
    return this.#components.signal(component, this.#node(of?.node), "SIGCONT");
  }

  start(component: Component, of?: OfNode): Promise<void> {
    return this.#components.start(component, this.#node(of?.node));
  }

  async startController(controller: Controller, options: BuildOptions): Promise<void> {
    const folder = await buildController(controller, options);
    await this.#controller(controller).start(folder, options.signal);
    options.report(`${controller.name} ${controller.version} runs`);
  }

  stopController(controller: Controller): Promise<void> {
    return this.#controller(controller).stop();
  }

  #controller(controller: Controller): ControllerProcess {
    const { kubectl, environment } = this;
    return new ControllerProcess(controller, {
      components: this.#components,
      layout: layoutOf(this.folder),
      node: this.#node(undefined),
      kubectl: (args, input = "") =>
        run([kubectl, ...args], { input, env: { ...environment, HOME: "/root" }, timeoutMs: KUBECTL_LIMIT_MS }),
      inNode: (argv) => run(this.command(argv)),
    });
  }

  async down({ keepLogs }: DownOptions = {}): Promise<void> {
    if (keepLogs !== undefined) await cp(this.logs, keepLogs, { recursive: true });
    await removeCluster(this.folder);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }

  #node(name: string | undefined): NodeState {
    const found = this.#state.nodes.find((node) => node.name === (name ?? this.nodes[0]));
    if (found === undefined) throw new Error(`the cluster ${this.id} has no node ${name}: ${this.nodes.join(", ")}`);
    return found;
  }
}
