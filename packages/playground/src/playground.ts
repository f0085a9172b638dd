import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createServerCertificate } from "./api/certificate.ts";
import { FaultPlan } from "./api/fault-plan.ts";
import { kubeconfigOf } from "./api/kubeconfig.ts";
import { createApiServer } from "./api/server.ts";
import { applyObjects, objectsOf } from "./apply.ts";
import { replacePod, startControllers } from "./controllers/index.ts";
import type { ControllerOptions, Controllers } from "./controllers/index.ts";
import type { Faults } from "./faults.ts";
import { createKubelet } from "./kubelet/index.ts";
import type { Kubelet, KubeletOptions } from "./kubelet/kubelet.ts";
import { startGarbageCollector } from "./store/garbage-collector.ts";
import type { GarbageCollector } from "./store/garbage-collector.ts";
import { createObjectStore } from "./store/object-store.ts";
import type { PlaygroundStore } from "./store/playground-store.ts";
import { untilStore } from "./until.ts";
import type { UntilOptions } from "./until.ts";
import type { NewObject, StoredObject } from "./world.ts";

/** How a playground is set up. Everything has a default. */
export interface PlaygroundOptions {
  /** The node: images, confinement, delays. */
  readonly kubelet?: KubeletOptions;
  /** The controllers of Deployments, StatefulSets, Jobs and JobSets: which of them run, and their back-off. */
  readonly controllers?: ControllerOptions;
  /** Where the kubeconfig is written. Default: a file in a new folder of the system's temporary directory, removed on close. */
  readonly kubeconfigPath?: string;
  /** Milliseconds between the bookmarks of a watch that requests them. Default: 10,000. */
  readonly bookmarkInterval?: number;
  /** Version that `/version` reports. Default: `v1.34.4`. */
  readonly version?: string;
}

/**
 * A Kubernetes of one node inside this process: a real API over TLS on 127.0.0.1, pods that are real processes.
 * Use it through the API, with any client or `kubectl`, or through the store, which is synchronous, to set up and inspect a test.
 */
export interface Playground extends AsyncDisposable {
  /** Text of a kubeconfig with the context `kinsync-playground`. It holds the token: do not print it. */
  readonly kubeconfig: string;
  /** The same as a file of mode 0600. */
  readonly kubeconfigPath: string;
  /** `https://127.0.0.1:PORT`, with a self-signed certificate that the kubeconfig contains. */
  readonly url: string;
  /** The bearer token of the API. */
  readonly token: string;
  /** The objects. Faults and permissions do not apply to direct writes. */
  readonly store: PlaygroundStore;
  /** Faults on demand. */
  readonly faults: Faults;
  /** The node: kills containers and shows their files. */
  readonly kubelet: Kubelet;
  /** The controllers; can be paused, to inspect the moment before they react. */
  readonly controllers: Controllers;
  /** Deletes objects without an owner; can be paused, to inspect the moment before. */
  readonly garbageCollector: GarbageCollector;
  /**
   * Applies objects, or YAML of one or more documents: creates missing ones, replaces the others.
   * Returns them as stored. @throws StatusError as the API would respond.
   */
  apply(objects: string | NewObject | readonly NewObject[]): StoredObject[];
  /**
   * Deletes a pod, as `kubectl delete pod` does; its controller creates another one. A Job does so unless the pod ends with exit code 0
   * within a second, since it has succeeded then.
   * Returns the uid of the deleted pod. @throws StatusError if it is missing.
   */
  replacePod(namespace: string, name: string): string;
  /**
   * Resolves with the result of `look` as soon as it is neither `undefined` nor `false`; `look` runs after each change of an object.
   * Default time limit: 10 seconds.
   */
  until<T>(look: () => T | undefined | false, options?: UntilOptions): Promise<T>;
  /** Ends every process and connection, and removes every file of the playground. May be called twice. */
  close(): Promise<void>;
}

/**
 * Starts a playground. The caller owns it: dispose it (`await using`), or call `close()`.
 *
 * @example
 * await using playground = await createPlayground();
 * playground.apply(`
 *   apiVersion: v1
 *   kind: Pod
 *   metadata: { name: app }
 *   spec: { containers: [{ name: app, image: busybox, command: [sleep, "1000"] }] }
 * `);
 * await playground.until(() => playground.store.get("pods", "default", "app")?.status?.["phase"] === "Running");
 */
export async function createPlayground(options: PlaygroundOptions = {}): Promise<Playground> {
  const parts = new Parts();
  try {
    return await start(options, parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function start(options: PlaygroundOptions, parts: Parts): Promise<Playground> {
  const store = createObjectStore();
  const faults = new FaultPlan();
  const kubelet = createKubelet(store, options.kubelet);
  parts.add(() => kubelet[Symbol.asyncDispose]());
  const controllers = startControllers(store, options.controllers);
  parts.add(() => controllers[Symbol.asyncDispose]());
  const garbageCollector = startGarbageCollector(store);
  parts.add(() => {
    garbageCollector[Symbol.dispose]();
  });
  const certificate = createServerCertificate();
  const token = randomBytes(32).toString("base64url");
  const server = await createApiServer(
    {
      store,
      runtime: kubelet,
      faults,
      bookmarkInterval: options.bookmarkInterval ?? 10_000,
      version: options.version ?? "v1.34.4",
    },
    { certificate, token },
  );
  parts.add(() => server[Symbol.asyncDispose]());
  const { url } = server;
  const kubeconfig = kubeconfigOf({ url, token, certificate: certificate.certificate });
  const kubeconfigPath = options.kubeconfigPath ?? join(await ownFolder(parts), "config");
  // A token without a server should not stay behind.
  parts.add(() => rm(kubeconfigPath, { force: true }));
  await writeFile(kubeconfigPath, kubeconfig, { mode: 0o600 });
  await chmod(kubeconfigPath, 0o600);
  const close = (): Promise<void> => parts.close();
  return {
    kubeconfig,
    kubeconfigPath,
    url,
    token,
    store,
    faults,
    kubelet,
    controllers,
    garbageCollector,
    apply: (objects) => applyObjects(store, objectsOf(objects)),
    replacePod: (namespace, name) => replacePod(store, namespace, name),
    until: (look, more) => untilStore(store, look, more),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What close() ends, newest first. (`AsyncDisposableStack` is missing in Node 22.) */
class Parts {
  readonly #ends: (() => void | PromiseLike<void>)[] = [];
  #closed: Promise<void> | undefined;

  add(end: () => void | PromiseLike<void>): void {
    this.#ends.push(end);
  }

  /** Ends all parts, even if some fail; then rejects with the first error. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    const failures: unknown[] = [];
    for (const end of this.#ends.toReversed()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      throw failures[0];
    }
  }
}

async function ownFolder(parts: Parts): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kinsync-playground-"));
  parts.add(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
