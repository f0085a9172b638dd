import { randomBytes } from "node:crypto";
import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Engine, EngineEvent } from "@kinsync/core";
import { KinsyncError } from "@kinsync/core/contract";
import { asKinsyncError } from "../render/error.ts";
import { Lines, MAX_REQUEST_CHARACTERS } from "./lines.ts";
import {
  CONTROL_VERSION,
  parseRequest,
  type Answer,
  type ControlError,
  type Greeting,
  type Request,
} from "./protocol.ts";
import { ownRuntimeFolder } from "./runtime-folder.ts";
import { statusOf } from "./status.ts";
import { waitForSnapshot } from "./wait.ts";

/** Clients at one time. */
const MAX_CLIENTS = 64;
/** A client that reads more slowly than this loses events. */
const MAX_QUEUED_BYTES = 1024 * 1024;
/** Time that the last answers get. */
const FAREWELL_MS = 300;

export interface ControlServerOptions {
  readonly engine: Pick<Engine, "view" | "commands">;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly context: string;
}

/** Answers questions about one run, and takes orders for it, from programs of the same user. */
export class ControlServer implements AsyncDisposable {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  /** Path of the socket, or name of the pipe. */
  readonly address: string;
  readonly #run = randomBytes(4).toString("hex");
  readonly #since = new Date().toISOString();
  readonly #clients = new Set<Socket>();
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #stop = new AbortController();

  private constructor(options: ControlServerOptions, folder: string) {
    this.#options = options;
    const name = `${process.pid}-${this.#run}`;
    this.address = process.platform === "win32" ? `\\\\.\\pipe\\kinsync-${name}` : join(folder, `${name}.sock`);
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CLIENTS;
    // An open socket alone keeps no process running.
    this.#server.unref();
  }

  /** @throws an `Error` that says why the run cannot be asked */
  static async start(options: ControlServerOptions): Promise<ControlServer> {
    const folder = process.platform === "win32" ? "" : await ownRuntimeFolder(options.env);
    const control = new ControlServer(options, folder);
    await new Promise<void>((resolve, reject) => {
      control.#server.once("error", reject);
      control.#server.listen(control.address, resolve);
    });
    control.#server.on("error", () => undefined);
    if (process.platform !== "win32") await chmod(control.address, 0o600);
    return control;
  }

  /** Takes note of an event of the run. */
  observe(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket);
    const gone = new AbortController();
    const lines = new Lines(MAX_REQUEST_CHARACTERS);
    socket.setEncoding("utf8");
    socket.on("error", () => undefined);
    socket.on("close", () => {
      gone.abort();
      this.#clients.delete(socket);
    });
    socket.on("data", (text: string) => {
      try {
        for (const line of lines.push(text)) void this.#answer(socket, line, gone.signal);
      } catch {
        socket.destroy();
      }
    });
    const { folder, context, engine } = this.#options;
    const greeting: Greeting = {
      kinsync: "control",
      version: CONTROL_VERSION,
      run: this.#run,
      pid: process.pid,
      folder,
      context,
      since: this.#since,
      workloads: engine.view().workloads.map(({ name, namespace }) => ({ workload: name, namespace })),
    };
    socket.write(`${JSON.stringify(greeting)}\n`);
  }

  async #answer(socket: Socket, line: string, gone: AbortSignal): Promise<void> {
    const write = (answer: Answer): void => {
      if (!gone.aborted) socket.write(`${JSON.stringify(answer)}\n`);
    };
    const request = parseRequest(line);
    if ("wrong" in request) {
      write({ id: request.id, error: errorOf(new KinsyncError("KINSYNC_CONTROL_REQUEST", request.wrong)) });
      return;
    }
    if (request.command === "events") {
      this.#stream(socket, request.id, gone);
      return;
    }
    try {
      const signal = AbortSignal.any([gone, this.#stop.signal]);
      write({ id: request.id, result: await this.#result(request, signal) });
    } catch (error) {
      write({ id: request.id, error: errorOf(error) });
    }
  }

  async #result(request: Exclude<Request, { readonly command: "events" }>, signal: AbortSignal): Promise<unknown> {
    const { engine } = this.#options;
    switch (request.command) {
      case "status":
        return { workloads: statusOf(engine.view(), request) };
      case "history":
        return { workloads: engine.commands.history(request) };
      case "pause":
      case "resume":
        await engine.commands[request.command](request);
        return { workloads: statusOf(engine.view(), request) };
      case "dismiss":
        return { dismissed: engine.commands.dismiss(request) };
      case "trigger":
        return { released: await engine.commands.trigger(request) };
      case "undo":
        return { released: engine.commands.undo(request) };
      case "wait":
        return await waitForSnapshot(
          engine,
          request,
          (listener) => {
            this.#listeners.add(listener);
            return () => void this.#listeners.delete(listener);
          },
          signal,
        );
    }
  }

  #stream(socket: Socket, id: Request["id"], gone: AbortSignal): void {
    let dropped = 0;
    const send = (event: Extract<Answer, { readonly event: unknown }>["event"]): void =>
      void socket.write(`${JSON.stringify({ id, event } satisfies Answer)}\n`);
    const listener = (event: EngineEvent): void => {
      if (socket.writableLength > MAX_QUEUED_BYTES) {
        dropped += 1;
        return;
      }
      if (dropped > 0) send({ event: "dropped", count: dropped });
      dropped = 0;
      send(event);
    };
    this.#listeners.add(listener);
    gone.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new KinsyncError("KINSYNC_CONTROL_NO_RUN", "this run of kinsync has ended"));
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // Answers to what ended with the run are on their way.
    await new Promise((resolve) => setImmediate(resolve));
    for (const client of this.#clients) client.destroySoon();
    // A client that does not read does not keep the run from ending.
    const timer = setTimeout(() => {
      for (const client of this.#clients) client.destroy();
    }, FAREWELL_MS);
    await closed;
    clearTimeout(timer);
    if (process.platform !== "win32") await rm(this.address, { force: true });
  }
}

function errorOf(thrown: unknown): ControlError {
  const { code, message, hint } = asKinsyncError(thrown);
  return { code, message, hint };
}
