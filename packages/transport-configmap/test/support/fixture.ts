import { randomBytes } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { posix } from "node:path";
import { clusterWriter, connectCluster } from "@kinsync/core/cluster";
import {
  capabilitiesOf,
  isKinsyncError,
  type ClusterConnection,
  type OpenContext,
  type Place,
  type Pod,
  type Receipt,
  type RootSpec,
  type Session,
  type Target,
  type TransportPlugin,
} from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { createTestContainer, type Playground, type StoredObject, type TestContainer } from "@kinsync/playground";
import { configmap } from "../../src/index.ts";

export const NAMESPACE = "default";
export const MOUNT = "/etc/app";
export const ROOT: RootSpec = { path: MOUNT, shape: "directory", key: "app" };

type Fields = Readonly<Record<string, unknown>>;

export interface FixtureOptions {
  /** Fields of the ConfigMap; `undefined`: it does not exist. Default: an empty one. */
  readonly object?: Fields | undefined;
  /** Fields of the volume besides the name of the ConfigMap. */
  readonly volume?: Fields;
  /** Fields of the mount. */
  readonly mount?: Fields;
  readonly transport?: TransportPlugin;
}

/** A pod that mounts a ConfigMap at `/etc/app`. */
export class Fixture implements AsyncDisposable {
  readonly playground: Playground;
  readonly name: string;
  readonly container: TestContainer;
  readonly cluster: ClusterConnection;
  readonly transport: TransportPlugin;
  readonly signal = AbortSignal.timeout(30_000);
  readonly #sessions: Session[] = [];

  private constructor(
    playground: Playground,
    name: string,
    container: TestContainer,
    cluster: ClusterConnection,
    transport: TransportPlugin,
  ) {
    this.playground = playground;
    this.name = name;
    this.container = container;
    this.cluster = cluster;
    this.transport = transport;
  }

  static async start(playground: Playground, options: FixtureOptions = {}): Promise<Fixture> {
    const name = `app-${randomBytes(4).toString("hex")}`;
    const { volume = {}, mount = {}, transport = configmap({ lookEvery: 20 }) } = options;
    const object = "object" in options ? options.object : {};
    if (object !== undefined) {
      playground.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...object }] as never);
    }
    const container = await createTestContainer({
      playground,
      folder: "/work",
      spec: { volumes: [{ name: "app", configMap: { name, ...volume } }] },
      container: { volumeMounts: [{ name: "app", mountPath: MOUNT, ...mount }] },
    });
    const cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath });
    return new Fixture(playground, name, container, cluster, transport);
  }

  get target(): Target {
    return this.container.target;
  }

  get pod(): Pod {
    return this.playground.store.get("pods", NAMESPACE, this.target.pod) as unknown as Pod;
  }

  place(root: Partial<RootSpec> = {}): Place | undefined {
    return this.transport.place?.(this.target, { ...ROOT, ...root }, { pod: this.pod });
  }

  /** @param run another one than the first */
  async open(run = "run-1", more: Partial<OpenContext> = {}): Promise<Session> {
    const { writesApi: rules } = capabilitiesOf(this.transport);
    const session = await this.transport.open(this.target, {
      cluster: this.cluster,
      writer: clusterWriter(this.cluster, { rules, namespace: NAMESPACE }),
      runId: run,
      owner: `ada (${run})`,
      since: new Date().toISOString(),
      signal: this.signal,
      ...more,
    });
    this.#sessions.push(session);
    return session;
  }

  async claim(session: Session, root = ROOT): Promise<void> {
    await session.claim(root, { snapshot: 0, tree: "", signal: this.signal });
  }

  async openAndClaim(run = "run-1", root = ROOT): Promise<Session> {
    const session = await this.open(run);
    await this.claim(session, root);
    return session;
  }

  /** Stages and commits. */
  async send(session: Session, paths: readonly BatchPath[], root = ROOT): Promise<Receipt> {
    const batch = await createBatch(root, paths);
    return session.commit(session.stage(batch, { signal: this.signal }), { signal: this.signal });
  }

  /** The object as it is stored. */
  get object(): StoredObject & { readonly data?: Readonly<Record<string, string>>; readonly binaryData?: Fields } {
    return this.playground.store.get("configmaps", NAMESPACE, this.name) as StoredObject;
  }

  get exists(): boolean {
    return this.playground.store.peek("configmaps", NAMESPACE, this.name) !== undefined;
  }

  /** Another client changes the object through the API. */
  async patch(
    body: Fields,
    query = "fieldManager=kubectl-edit",
    type = "application/merge-patch+json",
  ): Promise<number> {
    const { url, token } = this.playground;
    const path = `${url}/api/v1/namespaces/${NAMESPACE}/configmaps/${this.name}?${query}`;
    const { patchObject } = await import("./patch-object.ts");
    return patchObject(path, token, JSON.stringify(body), type);
  }

  /** What a program in the container reads. */
  async read(file: string): Promise<string> {
    return readFile(this.container.pathOf(posix.join(MOUNT, file)), "utf8");
  }

  async list(): Promise<readonly string[]> {
    return (await readdir(this.container.pathOf(MOUNT))).filter((name) => !name.startsWith("..")).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#sessions.map((session) => session[Symbol.asyncDispose]()));
    await this.cluster[Symbol.asyncDispose]();
    await this.container[Symbol.asyncDispose]();
  }
}

/** Code, `details.code` and message of the error that a call rejects with. */
export async function failure(
  call: Promise<unknown>,
): Promise<{ readonly code: string; readonly detail: unknown; readonly retry: string; readonly message: string }> {
  try {
    await call;
  } catch (error) {
    if (!isKinsyncError(error)) throw error;
    return { code: error.code, detail: error.details["code"], retry: error.retry, message: error.message };
  }
  throw new Error("the call succeeded");
}
