import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Agent, request as httpsRequest } from "node:https";
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";

import { WebSocket } from "ws";

import { createServerCertificate } from "../../src/api/certificate.ts";
import { kubeconfigOf } from "../../src/api/kubeconfig.ts";
import { createApiServer } from "../../src/api/server.ts";
import { FaultPlan } from "../../src/api/fault-plan.ts";
import { startGarbageCollector } from "../../src/store/garbage-collector.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { PlaygroundStore } from "../../src/store/playground-store.ts";
import { StatusError } from "../../src/status-error.ts";
import type { ContainerRuntime, NewObject } from "../../src/world.ts";

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
}

/** One event of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly code?: number;
    readonly metadata: {
      readonly name?: string;
      readonly resourceVersion?: string;
      readonly annotations?: Record<string, string>;
    };
  };
}

export interface TestWatch {
  readonly code: number;
  /** The next event; `undefined` when the watch has ended. Rejects when the connection was cut. */
  next(): Promise<WatchEvent | undefined>;
  close(): void;
}

export interface TestApi extends AsyncDisposable {
  readonly store: PlaygroundStore;
  readonly faults: FaultPlan;
  readonly url: string;
  readonly token: string;
  readonly certificate: string;
  readonly kubeconfig: string;
  call(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** @param format such as `merge-patch+json` */
  patch(path: string, format: string, body: unknown): Promise<Answer>;
  watch(path: string): Promise<TestWatch>;
  exec(query: string, options?: { protocols?: string[]; pod?: string; method?: string }): WebSocket;
  /** Creates a pod that is bound to a node. */
  runningPod(name: string, containers?: readonly string[]): void;
}

/** Runs commands on this machine, without any container: enough for the protocol. */
const HOST_RUNTIME: ContainerRuntime = {
  async exec(_pod, container, command) {
    if (container === "down") {
      throw new StatusError(404, "NotFound", `container not found ("${container}")`);
    }
    const [file = "", ...args] = command;
    const child = spawn(file, args, { stdio: "pipe" });
    const { promise, resolve } = Promise.withResolvers<{ code: number } | { error: string }>();
    child.on("error", (error) => {
      resolve({ error: `exec: "${file}": ${error.message}` });
    });
    child.on("close", (code) => {
      resolve({ code: code ?? 137 });
    });
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exit: promise,
      kill: () => {
        child.kill("SIGKILL");
      },
    };
  },
  async logs(_pod, _container, { follow, tailLines }) {
    const lines = ["one\n", "two\n", "three\n"].slice(tailLines === undefined ? 0 : -tailLines);
    return follow
      ? new Readable({
          read() {
            this.push(lines.shift() ?? null);
          },
        })
      : Readable.from(lines);
  },
};

export async function startApi(
  options: { bookmarkInterval?: number; runtime?: ContainerRuntime } = {},
): Promise<TestApi> {
  const store = createObjectStore();
  const faults = new FaultPlan();
  const certificate = createServerCertificate();
  const token = randomBytes(16).toString("hex");
  const server = await createApiServer(
    {
      store,
      faults,
      runtime: options.runtime ?? HOST_RUNTIME,
      bookmarkInterval: options.bookmarkInterval ?? 60_000,
      version: "v1.34.0",
    },
    { certificate, token },
  );
  const collector = startGarbageCollector(store);
  const agent = new Agent({ ca: certificate.certificate, keepAlive: true });
  const { url } = server;

  function open(method: string, path: string, { body, headers, token: other = token }: RequestOptions) {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const request = httpsRequest(new URL(path, url), {
      method,
      agent,
      // The certificate is checked against this, not against the Host header.
      servername: "localhost",
      headers: {
        ...(other === "" ? {} : { Authorization: `Bearer ${other}` }),
        ...(text === undefined
          ? {}
          : { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(text)) }),
        ...headers,
      },
    });
    request.end(text);
    return request;
  }

  async function call(method: string, path: string, more: RequestOptions = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    open(method, path, more)
      .on("error", reject)
      .on("response", (response) => {
        void response.toArray().then((chunks: Buffer[]) => {
          const text = Buffer.concat(chunks).toString("utf8");
          // A watch is lines of JSON: its reader takes the text.
          const json =
            response.headers["content-type"]?.startsWith("application/json") === true && !text.includes("\n{");
          resolve({
            code: response.statusCode ?? 0,
            headers: response.headers,
            body: json ? (JSON.parse(text) as Record<string, unknown>) : {},
            text,
          });
        }, reject);
      });
    return promise;
  }

  return {
    store,
    faults,
    url,
    token,
    certificate: certificate.certificate,
    kubeconfig: kubeconfigOf({ url, token, certificate: certificate.certificate }),
    call,
    patch: (path, format, body) => call("PATCH", path, { body, headers: { "Content-Type": `application/${format}` } }),
    watch: async (path) => {
      const { promise, resolve, reject } = Promise.withResolvers<TestWatch>();
      open("GET", path, {})
        .on("error", reject)
        .on("response", (response) => {
          async function* events(): AsyncGenerator<WatchEvent> {
            let rest = "";
            for await (const chunk of response as AsyncIterable<Buffer>) {
              const lines = (rest + chunk.toString("utf8")).split("\n");
              rest = lines.pop() ?? "";
              for (const line of lines) {
                yield JSON.parse(line) as WatchEvent;
              }
            }
          }
          const iterator = events();
          resolve({
            code: response.statusCode ?? 0,
            next: async () => (await iterator.next()).value as WatchEvent | undefined,
            close: () => {
              response.destroy();
            },
          });
        });
      return promise;
    },
    exec: (query, { protocols = ["v5.channel.k8s.io"], pod = "app" } = {}) =>
      new WebSocket(`${url.replace("https:", "wss:")}/api/v1/namespaces/default/pods/${pod}/exec?${query}`, protocols, {
        ca: certificate.certificate,
        headers: { Authorization: `Bearer ${token}` },
        perMessageDeflate: false,
      }),
    runningPod: (name, containers = ["app"]) => {
      const pod: NewObject = {
        metadata: { name },
        spec: { nodeName: "node", containers: containers.map((container) => ({ name: container, image: "app:1" })) },
        status: { phase: "Running" },
      };
      store.create("pods", "default", pod);
    },
    [Symbol.asyncDispose]: async () => {
      collector[Symbol.dispose]();
      agent.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}
