import type { KubernetesObject } from "@kubernetes/client-node";
import { run } from "./command.ts";
import type { CommandOptions } from "./command.ts";
import type { KubeObject, Pod } from "./objects.ts";

/** kubectl, with one kubeconfig and optionally one namespace. */
export class Kubectl {
  readonly #argv: readonly string[];
  readonly #signal: AbortSignal | undefined;

  constructor(argv: readonly string[], signal?: AbortSignal) {
    this.#argv = argv;
    this.#signal = signal;
  }

  get argv(): readonly string[] {
    return this.#argv;
  }

  in(namespace: string, signal: AbortSignal): Kubectl {
    return new Kubectl([...this.#argv, "--namespace", namespace], signal);
  }

  run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const signal = this.#signal === undefined ? {} : { signal: this.#signal };
    return run([...this.#argv, ...args], { ...signal, ...options });
  }

  async create(...objects: readonly KubernetesObject[]): Promise<void> {
    // One after the other and not as a List: kubectl requests the schema of List, which the playground does not serve.
    await this.run(["create", "-f", "-"], { input: objects.map((each) => JSON.stringify(each)).join("\n") });
  }

  /** @param name `deployment/web` */
  async get<Kind extends KubeObject = KubeObject>(name: string): Promise<Kind> {
    return JSON.parse(await this.run(["get", name, "-o", "json"])) as Kind;
  }

  async list<Kind extends KubeObject>(resource: string, selector = ""): Promise<readonly Kind[]> {
    const list = await this.run(["get", resource, "--selector", selector, "-o", "json"]);
    return (JSON.parse(list) as { readonly items: readonly Kind[] }).items;
  }

  /** Sorted by name. */
  pods(selector = ""): Promise<readonly Pod[]> {
    return this.list<Pod>("pods", selector);
  }

  /** A JSON merge patch. */
  async patch(name: string, change: object): Promise<void> {
    await this.run(["patch", name, "--type", "merge", "--patch", JSON.stringify(change)]);
  }

  async delete(name: string, ...args: readonly string[]): Promise<void> {
    await this.run(["delete", name, ...args], { timeoutMs: 120_000 });
  }
}
