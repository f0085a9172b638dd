import type {
  AccessQuestion,
  ClusterConnection,
  ClusterRequest,
  ClusterResponse,
  ClusterSocket,
  KubeObject,
  ResourceType,
} from "../../src/contract/index.ts";
import { apiVersionOf, resourceName } from "../../src/kube/resource-path.ts";
import { discoverGroup, discoverRoot, discoverVersion, ofVersion } from "./fake-discovery.ts";
import { refuse, type Failure } from "./fake-failures.ts";
import { json, notFound, text } from "./fake-responses.ts";
import { FakeWatches, type LoggedChange } from "./fake-watches.ts";

/** An API server in memory: lists in pages, watches with versions, bookmarks and 410, and the ways in which they fail. */
export class FakeCluster implements ClusterConnection {
  readonly context = "fake";
  readonly server = "https://fake";
  readonly namespace = "ml";
  /** Every request, oldest first. */
  readonly requests: ClusterRequest[] = [];
  /** `false`: an old server without aggregated discovery. */
  aggregated = true;
  /** Called before a page is answered; page 0 is the first. */
  onPage: ((resource: string, page: number) => void) | undefined;

  readonly #resources = new Map<string, ResourceType>();
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #failures = new Map<string, Failure>();
  readonly #discoveryFailures = new Map<string, Failure>();
  readonly #watches = new FakeWatches();
  readonly #arrivals = new Set<() => void>();
  #version = 1;
  #expiredPages = 0;

  constructor(resources: readonly ResourceType[]) {
    for (const resource of resources) this.serve(resource);
  }

  serve(resource: ResourceType): void {
    this.#resources.set(resourceName(resource), resource);
    this.#objects.set(resourceName(resource), new Map());
  }

  objectsOf(resource: ResourceType): KubeObject[] {
    return [...(this.#objects.get(resourceName(resource))?.values() ?? [])];
  }

  /** Splits every line of a watch into chunks of this length, in bytes. */
  set chunk(bytes: number) {
    this.#watches.chunk = bytes;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  watchesOf(resource: ResourceType): number {
    return this.#watches.sizeOf(resource);
  }

  /** Creates or changes. Same name with another UID replaces, as a delete and a create would. */
  put(...objects: readonly KubeObject[]): void {
    for (const object of objects) {
      const name = this.#nameOf(object);
      const stored = this.#objects.get(name) as Map<string, KubeObject>;
      const key = keyOf(object);
      const before = stored.get(key);
      if (before !== undefined && before.metadata.uid !== object.metadata.uid) this.delete(before);
      const stamped = this.#stamp(object);
      const present = stored.get(key);
      stored.set(key, stamped);
      this.#emit(name, present === undefined ? "ADDED" : "MODIFIED", stamped, present);
    }
  }

  delete(object: KubeObject): void {
    const name = this.#nameOf(object);
    const stored = this.#objects.get(name) as Map<string, KubeObject>;
    const before = stored.get(keyOf(object));
    if (before === undefined) return;
    stored.delete(keyOf(object));
    this.#emit(name, "DELETED", this.#stamp(before));
  }

  /** Makes a change whose events no open watch receives. */
  missEvents(change: () => void): void {
    this.#watches.miss(change);
  }

  /** Breaks all open streams, as when the network fails. */
  drop(): void {
    this.#watches.drop();
  }

  /** Ends all open streams, as after `timeoutSeconds`. */
  end(): void {
    this.#watches.end();
  }

  /** Drops all events up to now: a watch from an earlier version gets 410. */
  compact(): void {
    this.#version += 1;
    this.#watches.compact(this.#version);
  }

  /** The next `count` requests with a `continue` token get 410. */
  expirePages(count: number): void {
    this.#expiredPages = count;
  }

  /** Sends an event as it is to every watch of the resource. */
  send(resource: ResourceType, event: unknown): void {
    this.#watches.send(resource, event);
  }

  sendRaw(resource: ResourceType, text: string): void {
    this.#watches.sendRaw(resource, text);
  }

  bookmark(resource: ResourceType): void {
    this.#version += 1;
    this.send(resource, {
      type: "BOOKMARK",
      object: { kind: resource.kind, metadata: { resourceVersion: String(this.#version) } },
    });
  }

  /** From now on requests for a resource fail; `undefined` ends it. */
  setFailure(resource: ResourceType, failure: Failure | undefined): void {
    const name = resourceName(resource);
    if (failure === undefined) this.#failures.delete(name);
    else this.#failures.set(name, failure);
  }

  /** From now on the discovery of a group fails; `undefined` ends it. */
  setDiscoveryFailure(group: string, failure: Failure | undefined): void {
    if (failure === undefined) this.#discoveryFailures.delete(group);
    else this.#discoveryFailures.set(group, failure);
  }

  /** Resolves with the next request that fits. */
  async nextRequest(matches: (request: ClusterRequest) => boolean): Promise<void> {
    const from = this.requests.length;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.requests.slice(from).some(matches)) return;
        this.#arrivals.delete(look);
        resolve();
      };
      this.#arrivals.add(look);
    });
  }

  async request(request: ClusterRequest): Promise<ClusterResponse> {
    request.signal.throwIfAborted();
    this.requests.push(request);
    for (const look of this.#arrivals) look();
    await Promise.resolve();
    request.signal.throwIfAborted();
    return await this.#answer(request);
  }

  canI(_question: AccessQuestion): Promise<boolean | undefined> {
    return Promise.resolve(undefined);
  }

  webSocket(): Promise<ClusterSocket> {
    return Promise.reject(new Error("the fake cluster has no WebSockets"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await Promise.resolve();
  }

  #answer(request: ClusterRequest): ClusterResponse | Promise<ClusterResponse> {
    const { path } = request;
    const resources = [...this.#resources.values()];
    if (path === "/api" || path === "/apis") {
      const isAggregated = this.aggregated && (request.accept ?? "").includes("APIGroupDiscoveryList");
      return discoverRoot(resources, path, isAggregated);
    }
    const parts = path.split("/").slice(1).map(decodeURIComponent);
    const group = parts[0] === "api" ? "" : (parts[1] ?? "");
    const version = parts[0] === "api" ? parts[1] : parts[2];
    const rest = parts.slice(parts[0] === "api" ? 2 : 3);
    if (version === undefined) return discoverGroup(resources, group);
    if (rest.length === 0) return this.#discoverVersion(ofVersion(resources, group, version), request);
    const [namespace, plural = "", name] =
      rest[0] === "namespaces" && rest.length > 2 ? [rest[1], rest[2], rest[3]] : [undefined, rest[0], rest[1]];
    const resource = this.#resources.get(resourceName({ group, plural }));
    const failure = this.#failures.get(resourceName({ group, plural }));
    if (resource === undefined || resource.version !== version || failure === "not-installed") {
      return text(404, "404 page not found");
    }
    const isAllowed = failure === "watch-forbidden" && request.query?.["watch"] !== true;
    if (failure !== undefined && !isAllowed) return refuse(failure, resource, request, namespace);
    const all = [...(this.#objects.get(resourceName(resource)) as Map<string, KubeObject>).values()];
    const inNamespace = all.filter((object) => namespace === undefined || object.metadata.namespace === namespace);
    if (name !== undefined) {
      const found = inNamespace.find((object) => object.metadata.name === name);
      return found === undefined ? notFound(resource, name) : json(200, found);
    }
    const matches = selectorOf(request, namespace);
    return request.query?.["watch"] === true
      ? this.#watches.open(resource, request, matches)
      : this.#list(resource, request, inNamespace.filter(matches));
  }

  #discoverVersion(
    served: readonly ResourceType[],
    request: ClusterRequest,
  ): ClusterResponse | Promise<ClusterResponse> {
    const [first] = served;
    if (first === undefined) return text(404, "404 page not found");
    const failure = this.#discoveryFailures.get(first.group);
    return failure === undefined ? discoverVersion(served) : refuse(failure, first, request, "");
  }

  #list(resource: ResourceType, request: ClusterRequest, objects: readonly KubeObject[]): ClusterResponse {
    const limit = typeof request.query?.["limit"] === "number" ? request.query["limit"] : objects.length;
    const token = request.query?.["continue"];
    if (typeof token === "string" && this.#expiredPages > 0) {
      this.#expiredPages -= 1;
      return json(410, { kind: "Status", code: 410, reason: "Expired", message: "the continue token is too old" });
    }
    const from = typeof token === "string" ? Number(token) : 0;
    this.onPage?.(resourceName(resource), limit === 0 ? 0 : Math.floor(from / limit));
    const page = objects.slice(from, from + limit);
    const rest = from + limit < objects.length ? String(from + limit) : "";
    const metadataOnly = request.accept?.includes("PartialObjectMetadataList") ?? false;
    return json(200, {
      kind: metadataOnly ? "PartialObjectMetadataList" : `${resource.kind}List`,
      metadata: { resourceVersion: String(this.#version), continue: rest },
      // Items of a list of a built-in kind carry no type of their own.
      items: page.map(({ apiVersion: _a, kind: _k, ...object }) =>
        metadataOnly ? { metadata: object.metadata } : object,
      ),
    });
  }

  #emit(resource: string, type: LoggedChange["type"], object: KubeObject, before?: KubeObject): void {
    this.#watches.emit(resource, { version: this.#version, type, object, before });
  }

  #stamp(object: KubeObject): KubeObject {
    this.#version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }

  #nameOf(object: KubeObject): string {
    for (const [name, resource] of this.#resources) {
      if (resource.kind === object.kind && apiVersionOf(resource) === object.apiVersion) return name;
    }
    throw new Error(`the fake cluster serves no ${object.apiVersion} ${object.kind}`);
  }
}

function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

function selectorOf(request: ClusterRequest, namespace: string | undefined): (object: KubeObject) => boolean {
  const labels = String(request.query?.["labelSelector"] ?? "")
    .split(",")
    .filter((term) => term !== "")
    .map((term) => term.split("=") as [string, string]);
  const field = request.query?.["fieldSelector"];
  const name = typeof field === "string" ? field.replace("metadata.name=", "") : undefined;
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    labels.every(([key, value]) => object.metadata.labels?.[key] === value);
}
