import { run } from "./command.ts";
import type { CommandOptions } from "./command.ts";
import type { KubeObject, NewObject, Pod } from "./objects.ts";

/** kubectl, on one cluster and in one namespace. */
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

  async create(...objects: readonly NewObject[]): Promise<void> {
    // One after the other, not as a List: kubectl wants the schema of List, which the playground has not got.
    await this.run(["create", "-f", "-"], { input: objects.map((each) => JSON.stringify(each)).join("\n") });
  }

  /** @param name `deployment/web` */
  async get<Kind extends KubeObject = KubeObject>(name: string): Promise<Kind> {
    return JSON.parse(await this.run(["get", name, "-o", "json"])) as Kind;
  }

  async list<Kind extends KubeObject>(resource: string, selector = ""): Promise<readonly Kind[]> {
    const answer = await this.run(["get", resource, "--selector", selector, "-o", "json"]);
    return (JSON.parse(answer) as { readonly items: readonly Kind[] }).items;
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
    await this.run(["delete", name, ...args], { within: 120_000 });
  }
}
