import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

import { StatusError, badRequest, forbidden } from "../status-error.ts";
import type { ServerCertificate } from "./certificate.ts";
import type { ApiContext } from "./context.ts";
import { answerDiscovery, reviewAt } from "./discovery.ts";
import { createExecServer } from "./exec.ts";
import { decodeBody, shapeOf } from "./negotiation.ts";
import { createPortForwardServer } from "./port-forward.ts";
import { factsOf, parseResourceRequest } from "./request.ts";
import type { ResourceRequest } from "./request.ts";
import { answerResource } from "./resource-answers.ts";
import { readBody, refuseUpgrade, sendError, sendJson } from "./respond.ts";
import { USER, reviewAccess, reviewSelf } from "./review.ts";
import type { OpenWatch } from "./watch.ts";

/** Subresources of pods that are served as another protocol than HTTP. */
const UPGRADES: readonly (string | undefined)[] = ["exec", "portforward"];

/** How the server is started. */
export interface ApiServerOptions {
  readonly certificate: ServerCertificate;
  /** The bearer token that every request must carry. */
  readonly token: string;
}

/** A listening API server. */
export interface ApiServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
}

const NOT_FOUND = new StatusError(404, "NotFound", "the server could not find the requested resource");

function isPublic(path: string): boolean {
  return /^\/(healthz|readyz|livez)(\/|$)/.test(path) || path === "/version";
}

class Server implements ApiServer {
  readonly #context: ApiContext;
  readonly #options: ApiServerOptions;
  readonly #watches = new Set<OpenWatch>();
  readonly #sockets = new Set<Socket>();
  /** Sockets that exec sessions own. */
  readonly #upgraded = new WeakSet<Duplex>();
  readonly #exec;
  readonly #forward;
  readonly #http;
  readonly #closing = new AbortController();
  #port = 0;

  constructor(context: ApiContext, options: ApiServerOptions) {
    this.#context = context;
    this.#options = options;
    this.#exec = createExecServer(context);
    this.#forward = createPortForwardServer(context);
    const { certificate, key } = options.certificate;
    this.#http = createServer({ cert: certificate, key, keepAliveTimeout: 120_000 }, (message, response) => {
      void this.#answer(message, response);
    });
    this.#http.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(message, socket, head);
    });
    this.#http.on("secureConnection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
      });
      socket.on("error", () => undefined);
    });
    context.faults.connect({
      cutWatches: (resource, clean) => this.#endWatches(resource, clean ? "clean" : "cut"),
      expire: () => {
        context.store.compact();
        this.#endWatches(undefined, "expired");
      },
      endExec: (how, matches) => this.#exec.end(how, matches),
      pause: (cutSessions) => this.#pause(cutSessions),
      resume: () => this.#listen(),
    });
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    await this.#listen();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("The playground is closed."));
    this.#exec.close();
    this.#forward.close();
    await this.#pause(true);
  }

  async #listen(): Promise<void> {
    if (this.#http.listening || this.#closing.signal.aborted) {
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#http.once("error", reject);
    this.#http.listen({ host: "127.0.0.1", port: this.#port }, resolve);
    await promise;
    this.#http.off("error", reject);
    this.#port = (this.#http.address() as AddressInfo).port;
  }

  async #pause(cutSessions: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!this.#http.listening) {
      resolve();
    }
    // The port closes at once; the callback would wait for sessions that may continue.
    this.#http.close();
    setImmediate(resolve);
    this.#endWatches(undefined, "cut");
    for (const socket of this.#sockets) {
      if (cutSessions || !this.#upgraded.has(socket)) {
        socket.destroy();
      }
    }
    await promise;
  }

  #endWatches(resource: string | undefined, how: "cut" | "clean" | "expired"): number {
    const chosen = [...this.#watches].filter((watch) => resource === undefined || watch.resource === resource);
    for (const watch of chosen) {
      watch.end(how);
    }
    return chosen.length;
  }

  #authorize(message: IncomingMessage, path: string): void {
    const { host, origin, authorization } = message.headers;
    if (host !== `127.0.0.1:${this.#port}` && host !== `localhost:${this.#port}`) {
      throw new StatusError(403, "Forbidden", "requests must name 127.0.0.1 or localhost as their host");
    }
    if (origin !== undefined) {
      throw new StatusError(403, "Forbidden", "requests from web pages are not served");
    }
    if (isPublic(path)) {
      return;
    }
    const given = Buffer.from(authorization ?? "");
    const expected = Buffer.from(`Bearer ${this.#options.token}`);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new StatusError(401, "Unauthorized", "Unauthorized");
    }
  }

  /** Parses the request's path and applies the faults. */
  async #admit(message: IncomingMessage, url: URL, signal: AbortSignal): Promise<ResourceRequest | undefined> {
    this.#authorize(message, url.pathname);
    const { faults, store } = this.#context;
    const request = parseResourceRequest(message.method ?? "GET", url, store.resources);
    const facts =
      request === undefined
        ? { verb: "get", resource: url.pathname, subresource: undefined, namespace: undefined, name: undefined }
        : factsOf(request);
    await faults.beforeAnswer(facts, signal);
    if (request !== undefined && faults.isDenied(facts)) {
      const { resource, subresource, namespace, name = "", verb } = request;
      const what = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
      const where = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
      throw forbidden(
        { ...resource, plural: subresource === undefined ? resource.plural : what },
        name,
        `User "${USER}" cannot ${verb} resource "${what}" in API group "${resource.group}" ${where}`,
      );
    }
    return request;
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on("close", () => {
      gone.abort(new Error("The client disconnected."));
    });
    try {
      const url = new URL(message.url ?? "/", "https://127.0.0.1");
      const request = await this.#admit(message, url, gone.signal);
      if (request === undefined) {
        await this.#answerOther(message, url, response);
      } else {
        await answerResource(this.#context, { message, response, request, register: (watch) => this.#register(watch) });
      }
    } catch (error) {
      if (!gone.signal.aborted) {
        sendError(response, error);
      }
    }
  }

  async #answerOther(message: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const { store, faults, version } = this.#context;
    const path = url.pathname;
    if (/^\/(healthz|readyz|livez)(\/|$)/.test(path)) {
      response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" }).end("ok");
      return;
    }
    const review = reviewAt(path);
    if (review !== undefined) {
      if (message.method !== "POST") {
        throw new StatusError(
          405,
          "MethodNotAllowed",
          "the server does not allow this method on the requested resource",
        );
      }
      const body = await decodeBody(await readBody(message), message.headers["content-type"]);
      sendJson(response, 201, review.kind === "SelfSubjectReview" ? reviewSelf() : reviewAccess(faults, body));
      return;
    }
    if (message.method !== "GET" && message.method !== "HEAD") {
      throw NOT_FOUND;
    }
    // OpenAPI has its own media types; only discovery negotiates.
    const discovers = path === "/api" || path === "/apis";
    const shape = discovers ? shapeOf(message.headers.accept, ["discovery"]) : "object";
    const body = answerDiscovery(path.replace(/\/$/, ""), store.resources, {
      aggregated: shape === "discovery",
      version,
      address: `127.0.0.1:${this.#port}`,
    });
    if (body === undefined) {
      throw NOT_FOUND;
    }
    sendJson(
      response,
      200,
      body,
      shape === "discovery"
        ? { "Content-Type": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", Vary: "Accept" }
        : {},
    );
  }

  async #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => undefined);
    const gone = new AbortController();
    const leave = (): void => {
      gone.abort(new Error("The client disconnected."));
    };
    socket.once("close", leave);
    try {
      const url = new URL(message.url ?? "/", "https://127.0.0.1");
      const request = await this.#admit(message, url, gone.signal);
      if (request?.resource.name !== "pods" || !UPGRADES.includes(request.subresource)) {
        throw badRequest("the playground upgrades connections to pods/exec and pods/portforward only");
      }
      this.#upgraded.add(socket);
      const upgrade = { message, socket, head };
      if (request.subresource === "exec") await this.#exec.open(request, upgrade);
      else this.#forward.open(request, upgrade);
    } catch (error) {
      if (!gone.signal.aborted) {
        refuseUpgrade(socket, error);
      }
    } finally {
      socket.off("close", leave);
    }
  }

  #register(watch: OpenWatch): Disposable {
    this.#watches.add(watch);
    return {
      [Symbol.dispose]: () => {
        this.#watches.delete(watch);
      },
    };
  }
}

/** Starts the API server on a free port of 127.0.0.1. A fault plan belongs to one server. */
export async function createApiServer(context: ApiContext, options: ApiServerOptions): Promise<ApiServer> {
  return new Server(context, options).start();
}
