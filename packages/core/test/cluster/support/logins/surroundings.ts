import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttp, type IncomingMessage } from "node:http";
import { createServer as createTcp, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { answerJson, clientName, startApiServer, type ApiServer } from "../api-server.ts";

/** One request as a server received it: what a login adds to it, and nothing else. */
export interface SeenRequest {
  readonly path: string;
  readonly authorization?: string;
  /** Common name of the client certificate. */
  readonly certificate?: string;
  /** Server name of the TLS handshake. */
  readonly sni?: string;
  /** Headers of impersonation, in lower case. */
  readonly impersonation?: Readonly<Record<string, readonly string[]>>;
}

/** Everything around a client that a login may involve, all on this machine. */
export interface Surroundings extends AsyncDisposable {
  readonly folder: string;
  readonly https: ApiServer;
  readonly http: ApiServer;
  readonly httpProxy: number;
  readonly socksProxy: number;
  /** Requests to `PATH` of the API, upgrades included. */
  readonly seen: SeenRequest[];
  /** Hosts that the proxies were asked for, with `+login` where they got one. */
  readonly proxied: string[];
  /** Refresh tokens that the issuer of ID tokens was asked to exchange. */
  readonly exchanged: string[];
  /** The servers refuse the next requests with these. */
  readonly refusals: number[];
  readonly write: (name: string, text: string | object, mode?: number) => Promise<string>;
  /** Names of the plugins that ran. */
  plugins(): Promise<readonly string[]>;
  /** Replaces ports and the folder by names, so that two runs can be compared. */
  stable(text: string): string;
}

export const PODS = "/api/v1/namespaces/ml/pods";
export const EXEC = "/api/v1/namespaces/ml/pods/train-0/exec";

/** An ID token; nothing here checks its signature. */
export function idToken(name: string, secondsLeft: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.round(Date.now() / 1000) + secondsLeft;
  return `${part({ alg: "none" })}.${part({ exp, name, sub: "ann", aud: "me" })}.sig`;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

export async function startSurroundings(): Promise<Surroundings> {
  const folder = await mkdtemp(join(tmpdir(), "kinsync-logins-"));
  await mkdir(join(folder, "bin"));
  const seen: SeenRequest[] = [];
  const proxied: string[] = [];
  const exchanged: string[] = [];
  const refusals: number[] = [];
  const sockets = new Set<Socket>();
  const api = await startApi(undefined, { seen, exchanged, refusals });
  const secure = await startApi("server", { seen, exchanged, refusals });
  const targetOf = (port: number): number => (port === api.port ? api.port : secure.port);

  const httpProxy = createHttp().on("connect", (request: IncomingMessage, client: Socket) => {
    const login = request.headers["proxy-authorization"] === undefined ? "" : " +login";
    proxied.push(`CONNECT ${request.url ?? ""}${login}`);
    sockets.add(client.on("error", () => undefined));
    const upstream = connect(targetOf(Number(request.url?.split(":").at(-1))), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    sockets.add(upstream.on("error", () => undefined));
  });
  const socksProxy = createTcp((client) => void playSocks(client, proxied, sockets, targetOf));
  const [httpPort, socksPort] = [await listen(httpProxy), await listen(socksProxy)];
  const names: readonly (readonly [string, string])[] = [
    [folder, "FOLDER"],
    [`${secure.port}`, "HTTPS"],
    [`${api.port}`, "HTTP"],
    [`${httpPort}`, "PROXY"],
    [`${socksPort}`, "SOCKS"],
  ];
  return {
    folder,
    https: secure,
    http: api,
    httpProxy: httpPort,
    socksProxy: socksPort,
    seen,
    proxied,
    exchanged,
    refusals,
    async write(name, text, mode = 0o600) {
      const file = join(folder, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, typeof text === "string" ? text : JSON.stringify(text), { mode });
      return file;
    },
    async plugins() {
      const text = await readFile(join(folder, "runs"), "utf8").catch(() => "");
      return [...new Set(text.split("\n").filter((line) => line !== ""))];
    },
    stable: (text) => names.reduce((done, [value, name]) => done.replaceAll(value, name), text),
    async [Symbol.asyncDispose]() {
      httpProxy.close();
      socksProxy.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all([api[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Records = Pick<Surroundings, "seen" | "exchanged" | "refusals">;

/** An API server with one pod; it is the issuer of ID tokens, too. */
async function startApi(certificate: string | undefined, { seen, exchanged, refusals }: Records): Promise<ApiServer> {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false });
  return await startApiServer({
    certificate,
    answer(request, response) {
      const path = (request.url ?? "").split("?")[0] ?? "";
      if (path.includes("/idp/") || path === "/token") return playIssuer(path, request, response, exchanged);
      if (path.endsWith(PODS)) seen.push(seenOf(request, path));
      const refusal = refusals.shift();
      if (refusal !== undefined) return answerJson(response, refusal, { kind: "Status", code: refusal });
      answerJson(response, ...answerOf(path));
    },
    upgrade(request, socket, head) {
      const path = (request.url ?? "").split("?")[0] ?? "";
      seen.push(seenOf(request, path));
      sockets.handleUpgrade(request, socket, head, (client) => {
        const done = Buffer.from(JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" }));
        client.send(Buffer.concat([Buffer.from([3]), done]), () => client.close(1000));
      });
    },
  });
}

const POD = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: { name: "train-0", namespace: "ml", uid: "1" },
  spec: { containers: [{ name: "main", image: "busybox" }] },
  status: { phase: "Running" },
};

/** As much of the API as `kubectl get --raw` and `kubectl exec` read. */
function answerOf(path: string): [number, object] {
  if (path.endsWith(PODS)) return [200, { kind: "PodList", apiVersion: "v1", metadata: {}, items: [] }];
  if (path.endsWith("/pods/train-0")) return [200, POD];
  if (path.endsWith("/api")) return [200, { kind: "APIVersions", versions: ["v1"] }];
  if (path.endsWith("/apis")) return [200, { kind: "APIGroupList", apiVersion: "v1", groups: [] }];
  const pods = { name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs: ["get", "list"] };
  if (path.endsWith("/api/v1"))
    return [200, { kind: "APIResourceList", apiVersion: "v1", groupVersion: "v1", resources: [pods] }];
  return [404, { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 }];
}

function playIssuer(
  path: string,
  request: IncomingMessage,
  response: Parameters<typeof answerJson>[0],
  exchanged: string[],
): void {
  const url = `https://127.0.0.1:${request.socket.localPort}`;
  if (path.includes("/.well-known/")) {
    answerJson(response, 200, { issuer: `${url}/idp`, token_endpoint: `${url}/token` });
    return;
  }
  let body = "";
  request.setEncoding("utf8").on("data", (text: string) => (body += text));
  request.once("end", () => {
    const form = new URLSearchParams(body);
    const basic = Buffer.from((request.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
    const secret = form.get("client_secret") ?? basic.split(":")[1];
    if (secret !== "s") return answerJson(response, 401, { error: "invalid_client" });
    exchanged.push(form.get("refresh_token") ?? "");
    const tokens = { access_token: "a", token_type: "Bearer", expires_in: 3600, refresh_token: "r2" };
    answerJson(response, 200, { ...tokens, id_token: idToken("renewed", 3600) });
  });
}

function seenOf(request: IncomingMessage, path: string): SeenRequest {
  const { authorization } = request.headers;
  const certificate = "getPeerCertificate" in request.socket ? clientName(request) : undefined;
  const sni = (request.socket as TLSSocket).servername as string | false | undefined;
  const names = Object.keys(request.headers).filter((name) => name.startsWith("impersonate-"));
  const impersonation = Object.fromEntries(names.toSorted().map((name) => [name, request.headersDistinct[name] ?? []]));
  return {
    path,
    ...(authorization === undefined ? {} : { authorization: readable(authorization) }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(sni === undefined || sni === false || sni === "" ? {} : { sni }),
    ...(names.length === 0 ? {} : { impersonation }),
  };
}

/** An ID token by its name: its time of expiry differs in each run. */
function readable(authorization: string): string {
  const payload = /^Bearer [\w-]+\.([\w-]+)\.sig$/.exec(authorization)?.[1];
  if (payload === undefined) return authorization;
  const { name } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as { name: string };
  return `Bearer ID token ${name}`;
}

/** RFC 1928 as far as the cases go; any user and password are good. */
async function playSocks(
  client: Socket,
  proxied: string[],
  sockets: Set<Socket>,
  targetOf: (port: number) => number,
): Promise<void> {
  sockets.add(client.on("error", () => undefined));
  const chunks = client[Symbol.asyncIterator]();
  const next = async (): Promise<Buffer> => {
    const chunk: IteratorResult<unknown> = await chunks.next().catch(() => ({ done: true, value: undefined }));
    return chunk.done === true ? Buffer.alloc(0) : (chunk.value as Buffer);
  };
  const methods = await next();
  const hasLogin = methods.subarray(2).includes(2);
  client.write(Buffer.from([5, hasLogin ? 2 : 0]));
  if (hasLogin) {
    await next();
    client.write(Buffer.from([1, 0]));
  }
  const wish = await next();
  if (wish.length === 0) return;
  const host = wish[3] === 3 ? wish.toString("utf8", 5, 5 + (wish[4] ?? 0)) : wish.subarray(4, 8).join(".");
  proxied.push(`socks5 ${host}${hasLogin ? " +login" : ""}`);
  const upstream = connect(targetOf(wish.readUInt16BE(wish.length - 2)), "127.0.0.1", () => {
    client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 1]));
    upstream.pipe(client);
  });
  sockets.add(upstream.on("error", () => undefined));
  client.once("close", () => upstream.destroy());
  for (let bytes = await next(); bytes.length > 0; bytes = await next()) upstream.write(bytes);
  upstream.end();
}
