import type {
  AccessQuestion,
  ClusterConnection,
  ClusterRequest,
  ClusterResponse,
  ClusterSocket,
  KubeObject,
  ResourceType,
} from "../../src/contract/index.ts";
import { KinsyncError } from "../../src/contract/index.ts";
import { apiVersionOf, resourceName } from "../../src/kube/resource-path.ts";

interface Logged {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
  /** As it was, where it was modified. */
  readonly before: KubeObject | undefined;
}

interface Watching {
  readonly resource: string;
  readonly matches: (object: KubeObject) => boolean;
  readonly metadataOnly: boolean;
  readonly stream: Stream;
}

/** What a refusal looks like. */
export type Trouble =
  | "forbidden"
  | "watch-forbidden"
  | "not-installed"
  | "unreachable"
  | "busy"
  | "failing"
  | "throttled"
  | "silent";

const encoder = new TextEncoder();

/** An API server in memory: lists by pages, watches with versions, bookmarks and 410, and the ways in which all that breaks. */
export class FakeCluster implements ClusterConnection {
  readonly context = "fake";
  readonly server = "https://fake";
  readonly namespace = "ml";
  /** Every request that came, oldest first. */
  readonly requests: ClusterRequest[] = [];
  /** Splits every line of a watch into chunks of so many bytes. */
  chunk = 1 << 16;
  /** `false`: an old server without aggregated discovery. */
  aggregated = true;
  /** Called before a page is answered; page 0 is the first. */
  onPage: ((resource: string, page: number) => void) | undefined;

  readonly #resources = new Map<string, ResourceType>();
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #trouble = new Map<string, Trouble>();
  readonly #log = new Map<string, Logged[]>();
  readonly #watches = new Set<Watching>();
  readonly #arrivals = new Set<() => void>();
  #version = 1;
  /** Versions below it are forgotten. */
  #oldest = 0;
  #expiredPages = 0;

  constructor(resources: readonly ResourceType[]) {
    for (const resource of resources) this.serve(resource);
  }

  serve(resource: ResourceType): void {
    this.#resources.set(resourceName(resource), resource);
    this.#objects.set(resourceName(resource), new Map());
    this.#log.set(resourceName(resource), []);
  }

  objectsOf(resource: ResourceType): KubeObject[] {
    return [...(this.#objects.get(resourceName(resource))?.values() ?? [])];
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  watchesOf(resource: ResourceType): number {
    return [...this.#watches].filter((watching) => watching.resource === resourceName(resource)).length;
  }

  /** Creates or changes. Same name with another UID replaces, as a delete and a create would. */
  put(...objects: readonly KubeObject[]): void {
    for (const object of objects) {
      const name = this.#nameOf(object);
      const held = this.#objects.get(name) as Map<string, KubeObject>;
      const key = keyOf(object);
      const before = held.get(key);
      if (before !== undefined && before.metadata.uid !== object.metadata.uid) this.delete(before);
      const stored = this.#stamp(object);
      const present = held.get(key);
      held.set(key, stored);
      this.#tell(name, present === undefined ? "ADDED" : "MODIFIED", stored, present);
    }
  }

  delete(object: KubeObject): void {
    const name = this.#nameOf(object);
    const held = this.#objects.get(name) as Map<string, KubeObject>;
    const before = held.get(keyOf(object));
    if (before === undefined) return;
    held.delete(keyOf(object));
    this.#tell(name, "DELETED", this.#stamp(before));
  }

  /** Changes without a word to the watches: what they miss while they are down. */
  behindTheBack(change: () => void): void {
    const watches = [...this.#watches];
    this.#watches.clear();
    change();
    for (const watching of watches) this.#watches.add(watching);
  }

  /** All open streams break, as when the network goes. */
  drop(): void {
    for (const watching of this.#watches) watching.stream.fail(new Error("connection reset"));
    this.#watches.clear();
  }

  /** All open streams end well, as after `timeoutSeconds`. */
  end(): void {
    for (const watching of this.#watches) watching.stream.end();
    this.#watches.clear();
  }

  /** Forgets all versions up to now: a watch from one of them is answered with 410. */
  compact(): void {
    this.#version += 1;
    this.#oldest = this.#version;
    for (const log of this.#log.values()) log.length = 0;
  }

  /** The next so many requests with a `continue` token are answered with 410. */
  expirePages(count: number): void {
    this.#expiredPages = count;
  }

  /** Sends an event as it is to every watch of the resource. */
  send(resource: ResourceType, event: unknown): void {
    for (const watching of this.#watches) {
      if (watching.resource === resourceName(resource)) this.#write(watching, event);
    }
  }

  sendRaw(resource: ResourceType, text: string): void {
    for (const watching of this.#watches) {
      if (watching.resource === resourceName(resource)) watching.stream.push(encoder.encode(text));
    }
  }

  bookmark(resource: ResourceType): void {
    this.#version += 1;
    this.send(resource, {
      type: "BOOKMARK",
      object: { kind: resource.kind, metadata: { resourceVersion: String(this.#version) } },
    });
  }

  trouble(resource: ResourceType, trouble: Trouble | undefined): void {
    const name = resourceName(resource);
    if (trouble === undefined) this.#trouble.delete(name);
    else this.#trouble.set(name, trouble);
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
    return Promise.reject(new Error("not here"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await Promise.resolve();
  }

  #answer(request: ClusterRequest): ClusterResponse | Promise<ClusterResponse> {
    const { path } = request;
    if (path === "/api" || path === "/apis") return this.#discoverRoot(path, request.accept ?? "");
    const parts = path.split("/").slice(1).map(decodeURIComponent);
    const group = parts[0] === "api" ? "" : (parts[1] ?? "");
    const version = parts[0] === "api" ? parts[1] : parts[2];
    const rest = parts.slice(parts[0] === "api" ? 2 : 3);
    if (version === undefined) return this.#discoverGroup(group);
    if (rest.length === 0) return this.#discoverVersion(group, version, request);
    const [namespace, plural = "", name] =
      rest[0] === "namespaces" && rest.length > 2 ? [rest[1], rest[2], rest[3]] : [undefined, rest[0], rest[1]];
    const resource = this.#resources.get(resourceName({ group, plural }));
    const trouble = this.#trouble.get(resourceName({ group, plural }));
    if (resource === undefined || resource.version !== version || trouble === "not-installed") {
      return text(404, "404 page not found");
    }
    const isAllowed = trouble === "watch-forbidden" && request.query?.["watch"] !== true;
    if (trouble !== undefined && !isAllowed) return this.#refuse(trouble, resource, request, namespace);
    const all = [...(this.#objects.get(resourceName(resource)) as Map<string, KubeObject>).values()];
    const inNamespace = all.filter((object) => namespace === undefined || object.metadata.namespace === namespace);
    if (name !== undefined) {
      const found = inNamespace.find((object) => object.metadata.name === name);
      return found === undefined ? notFound(resource, name) : json(200, found);
    }
    const matches = selectorOf(request, namespace);
    return request.query?.["watch"] === true
      ? this.#watch(resource, request, matches)
      : this.#list(resource, request, inNamespace.filter(matches));
  }

  #refuse(
    trouble: Trouble,
    resource: ResourceType,
    request: ClusterRequest,
    namespace: string | undefined,
  ): ClusterResponse | Promise<ClusterResponse> {
    if (trouble === "silent") return untilAborted(request.signal);
    if (trouble === "unreachable") {
      throw new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", "https://fake did not answer: ECONNREFUSED");
    }
    if (trouble === "busy") return json(503, { kind: "Status", code: 503, message: "too busy" });
    if (trouble === "failing") return json(500, { kind: "Status", code: 500, message: "conversion webhook failed" });
    if (trouble === "throttled") return json(429, { kind: "Status", code: 429, message: "too many requests" });
    const verb = request.query?.["watch"] === true ? "watch" : "list";
    const { plural, group } = resource;
    return json(403, {
      kind: "Status",
      code: 403,
      reason: "Forbidden",
      message: `${resourceName(resource)} is forbidden: User "ada" cannot ${verb} resource "${plural}" in API group "${group}" in the namespace "${namespace ?? ""}"`,
    });
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

  #watch(resource: ResourceType, request: ClusterRequest, matches: (object: KubeObject) => boolean): ClusterResponse {
    const since = Number(request.query?.["resourceVersion"] ?? 0);
    const name = resourceName(resource);
    if (since < this.#oldest) {
      return stream(200, (out) => {
        out.push(
          encoder.encode(
            `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" } })}\n`,
          ),
        );
        out.end();
      });
    }
    const out = new Stream();
    const metadataOnly = request.accept?.includes("PartialObjectMetadata;") ?? false;
    const watching: Watching = { resource: name, matches, metadataOnly, stream: out };
    for (const logged of this.#log.get(name) ?? []) if (logged.version > since) this.#pass(watching, logged);
    this.#watches.add(watching);
    const stop = (): void => {
      this.#watches.delete(watching);
      out.fail(request.signal.reason);
    };
    request.signal.addEventListener("abort", stop, { once: true });
    return response(200, { body: () => out.read() });
  }

  #tell(resource: string, type: Logged["type"], object: KubeObject, before?: KubeObject): void {
    const logged: Logged = { version: this.#version, type, object, before };
    this.#log.get(resource)?.push(logged);
    for (const watching of this.#watches) if (watching.resource === resource) this.#pass(watching, logged);
  }

  /** For a watch with a selector, what comes to match is added and what no longer does is deleted. */
  #pass(watching: Watching, { type, object, before }: Logged): void {
    const matched = before !== undefined && watching.matches(before);
    if (watching.matches(object)) {
      this.#write(watching, { type: type === "MODIFIED" && !matched ? "ADDED" : type, object });
    } else if (matched) {
      const { resourceVersion = "" } = object.metadata;
      this.#write(watching, {
        type: "DELETED",
        object: { ...before, metadata: { ...before.metadata, resourceVersion } },
      });
    }
  }

  #write(watching: Watching, event: unknown): void {
    const { type, object } = event as { type: string; object: KubeObject };
    const sent =
      watching.metadataOnly && type !== "ERROR"
        ? { type, object: { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata: object.metadata } }
        : event;
    const bytes = encoder.encode(`${JSON.stringify(sent)}\n`);
    for (let at = 0; at < bytes.length; at += this.chunk) watching.stream.push(bytes.subarray(at, at + this.chunk));
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

  #discoverRoot(path: string, accept: string): ClusterResponse {
    const served = [...this.#resources.values()].filter(({ group }) => (group === "") === (path === "/api"));
    const groups = [...new Set(served.map(({ group }) => group))];
    if (this.aggregated && accept.includes("APIGroupDiscoveryList")) {
      return json(200, {
        kind: "APIGroupDiscoveryList",
        items: groups.map((group) => ({
          metadata: group === "" ? {} : { name: group },
          versions: versionsOf(served, group).map((version) => ({
            version,
            resources: served
              .filter((resource) => resource.group === group && resource.version === version)
              .map((resource) => ({
                resource: resource.plural,
                responseKind: { group: "", version: "", kind: resource.kind },
                scope: resource.namespaced === false ? "Cluster" : "Namespaced",
                singularResource: resource.kind.toLowerCase(),
                shortNames: resource.shortNames ?? [],
                verbs: ["get", "list", "watch"],
              })),
          })),
        })),
      });
    }
    if (path === "/api") return json(200, { kind: "APIVersions", versions: versionsOf(served, "") });
    return json(200, {
      kind: "APIGroupList",
      groups: groups.map((group) => ({
        name: group,
        versions: versionsOf(served, group).map((version) => ({ version, groupVersion: `${group}/${version}` })),
        preferredVersion: { version: versionsOf(served, group)[0] },
      })),
    });
  }

  #discoverGroup(group: string): ClusterResponse {
    const versions = versionsOf([...this.#resources.values()], group);
    if (versions.length === 0) return text(404, "404 page not found");
    return json(200, { kind: "APIGroup", name: group, versions: versions.map((version) => ({ version })) });
  }

  #discoverVersion(
    group: string,
    version: string,
    request: ClusterRequest,
  ): ClusterResponse | Promise<ClusterResponse> {
    const served = [...this.#resources.values()].filter(
      (resource) => resource.group === group && resource.version === version,
    );
    if (served.length === 0) return text(404, "404 page not found");
    const [first] = served as [ResourceType];
    const trouble = this.#trouble.get(`discovery/${group}`);
    if (trouble !== undefined) return this.#refuse(trouble, first, request, "");
    return json(200, {
      kind: "APIResourceList",
      resources: served.flatMap((resource) => [
        {
          name: resource.plural,
          singularName: resource.kind.toLowerCase(),
          namespaced: resource.namespaced !== false,
          kind: resource.kind,
          verbs: ["get", "list", "watch"],
          shortNames: resource.shortNames,
        },
        { name: `${resource.plural}/status`, kind: resource.kind, verbs: ["get"] },
      ]),
    });
  }

  /** Discovery of one group fails. */
  discoveryTrouble(group: string, trouble: Trouble | undefined): void {
    if (trouble === undefined) this.#trouble.delete(`discovery/${group}`);
    else this.#trouble.set(`discovery/${group}`, trouble);
  }
}

function versionsOf(served: readonly ResourceType[], group: string): string[] {
  return [...new Set(served.filter((resource) => resource.group === group).map(({ version }) => version))];
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

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function notFound(resource: ResourceType, name: string): ClusterResponse {
  return json(404, {
    kind: "Status",
    code: 404,
    reason: "NotFound",
    message: `${resourceName(resource)} "${name}" not found`,
    details: { name, kind: resource.plural, group: resource.group },
  });
}

function json(status: number, body: unknown): ClusterResponse {
  // A round trip through text: what arrives is nobody else's object.
  const bytes = JSON.stringify(body);
  return response(status, { json: () => Promise.resolve(JSON.parse(bytes) as unknown) });
}

function text(status: number, body: string): ClusterResponse {
  return response(status, { json: () => Promise.reject(new Error(`no JSON: ${body}`)) });
}

function stream(status: number, fill: (out: Stream) => void): ClusterResponse {
  const out = new Stream();
  fill(out);
  return response(status, { body: () => out.read() });
}

function response(status: number, parts: Partial<Pick<ClusterResponse, "json" | "body">>): ClusterResponse {
  return {
    status,
    headers: {},
    json: parts.json ?? (() => Promise.reject(new Error("no JSON"))),
    body:
      parts.body ??
      (() => {
        throw new Error("no body");
      }),
  };
}

class Stream {
  readonly #chunks: Uint8Array[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  end(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        continue;
      }
      if (this.#end !== undefined) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
