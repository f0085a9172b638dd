import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { get as getPlain } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Milliseconds for one answer. */
const ANSWER_LIMIT = 5_000;

export interface Answer {
  readonly code: number;
  readonly body: string;
}

/** The API server as an administrator sees it, from the machine. No proxy comes between. */
export class Api implements Disposable {
  readonly #agent: Agent;
  readonly #address: string;

  private constructor(agent: Agent, address: string) {
    this.#agent = agent;
    this.#address = address;
  }

  static async open(address: string, pki: string): Promise<Api> {
    const [ca, cert, key] = await Promise.all(
      ["ca.crt", "admin.crt", "admin.key"].map((name) => readFile(join(pki, name))),
    );
    return new Api(new Agent({ keepAlive: true, ca, cert, key }), address);
  }

  get(path: string): Promise<Answer> {
    const options = { host: this.#address, port: 6443, path, agent: this.#agent };
    return answerOf((take) => request({ ...options, signal: AbortSignal.timeout(ANSWER_LIMIT) }, take).end());
  }

  /** The object, `undefined` where there is none or no API server. */
  async find<Found>(path: string): Promise<Found | undefined> {
    const { code, body } = await this.get(path).catch(() => ({ code: 0, body: "" }));
    return code === 200 ? (JSON.parse(body) as Found) : undefined;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Whether something says that it is well: an `http:` or `https:` address that answers 200, or the path of a socket that takes connections. */
export async function isWell(place: string): Promise<boolean> {
  if (place.startsWith("/")) return takesConnections(place);
  const signal = AbortSignal.timeout(ANSWER_LIMIT);
  const options = { signal, rejectUnauthorized: false, agent: false } as const;
  const { code } = await answerOf((take) =>
    place.startsWith("https:") ? request(place, options, take).end() : getPlain(place, options, take),
  ).catch(() => ({ code: 0 }));
  return code === 200;
}

function answerOf(send: (take: (response: IncomingMessage) => void) => ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = send((response) => {
      text(response).then((body) => resolve({ code: response.statusCode ?? 0, body }), reject);
    });
    sent.once("error", reject);
  });
}

function takesConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(ANSWER_LIMIT);
    const end = (well: boolean) => {
      socket.destroy();
      resolve(well);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}
