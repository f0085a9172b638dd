import type { ClusterConnection, ClusterRequest, ClusterResponse } from "../../../src/contract/index.ts";
import type { LogEntry } from "../../../src/logs/entries.ts";
import type { Member } from "../../../src/resolve/resolution.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { json, Stream } from "../../support/fake-responses.ts";
import { pod as podObject } from "../../support/objects.ts";
import { containersOf } from "../../../src/resolve/select/containers.ts";

interface Line {
  readonly time: number;
  readonly text: string;
}

interface Follower {
  readonly pod: string;
  readonly stream: Stream;
}

/** The logs of some pods, which a kubelet of the test serves: whole seconds of `sinceTime`, a file for each run of a container. */
export class FakeLogs {
  readonly requests: ClusterRequest[] = [];
  /** Status of the answer, by pod; default 200. */
  readonly refusals = new Map<string, { readonly status: number; readonly message: string }>();
  readonly #files = new Map<string, Line[]>();
  readonly #previous = new Map<string, Line[]>();
  readonly #followers = new Set<Follower>();

  readonly cluster = {
    request: (request: ClusterRequest) => Promise.resolve(this.#answer(request)),
  } as unknown as ClusterConnection;

  /** @param second of 12:00, with up to nine digits behind the point */
  write(pod: string, second: number, text: string): void {
    const line = { time: second, text };
    const file = this.#files.get(pod) ?? [];
    this.#files.set(pod, [...file, line]);
    for (const follower of this.#followers) if (follower.pod === pod) follower.stream.push(bytesOf(line));
  }

  /** Half of a line arrives, and the connection breaks. */
  cut(pod: string, half = ""): void {
    for (const follower of this.#of(pod)) {
      if (half !== "") follower.stream.push(Buffer.from(half));
      follower.stream.fail(new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", "The API server did not answer: cut"));
    }
  }

  /** The container ends, and its streams end. */
  end(pod: string): void {
    for (const { stream } of this.#of(pod)) stream.end();
  }

  /** A new run with a file of its own. */
  restart(pod: string): void {
    this.#previous.set(pod, this.#files.get(pod) ?? []);
    this.#files.set(pod, []);
  }

  followers(pod: string): number {
    return [...this.#followers].filter((each) => each.pod === pod).length;
  }

  #of(pod: string): readonly Follower[] {
    const found = [...this.#followers].filter((each) => each.pod === pod);
    for (const each of found) this.#followers.delete(each);
    return found;
  }

  #answer(request: ClusterRequest): ClusterResponse {
    this.requests.push(request);
    const [, pod = ""] = /\/pods\/([^/]+)\/log$/.exec(request.path) ?? [];
    const refusal = this.refusals.get(pod);
    if (refusal !== undefined) {
      const { status, message } = refusal;
      return json(status, { kind: "Status", code: status, message, details: { kind: "pods", name: pod } });
    }
    const { query = {}, signal } = request;
    const file = (query["previous"] === true ? this.#previous : this.#files).get(pod) ?? [];
    const since = query["sinceTime"] === undefined ? 0 : new Date(String(query["sinceTime"])).getUTCSeconds();
    const tail = query["tailLines"];
    const stream = new Stream();
    const chosen = tail === undefined ? file : file.slice(file.length - Math.min(Number(tail), file.length));
    for (const line of chosen.filter(({ time }) => time >= since)) stream.push(bytesOf(line));
    if (query["follow"] === true) {
      const follower = { pod, stream };
      this.#followers.add(follower);
      signal.addEventListener("abort", () => {
        this.#followers.delete(follower);
        stream.fail(signal.reason);
      });
    } else stream.end();
    return { status: 200, headers: { date: "Sat, 31 Jan 2026 12:00:30 GMT" }, json: noJson, body: () => stream.read() };
  }
}

function noJson(): Promise<never> {
  return Promise.reject(new Error("no JSON"));
}

function bytesOf({ time, text }: Line): Buffer {
  const [whole = "", fraction = "0"] = String(time).split(".");
  return Buffer.from(`2026-01-31T12:00:${whole.padStart(2, "0")}.${fraction}Z ${text}\n`);
}

export interface MemberParts {
  readonly state?: Member["state"];
  readonly role?: string;
  readonly index?: string;
  readonly restartCount?: number;
  /** Default: it runs. */
  readonly terminated?: boolean;
}

/** A member with one container `main`. */
export function memberOf(name: string, parts: MemberParts = {}): Member {
  const { state = "current", role, index, restartCount = 0, terminated = false } = parts;
  const status = {
    name: "main",
    containerID: `containerd://${name}-${restartCount}`,
    restartCount,
    state: terminated ? { terminated: { exitCode: 1 } } : { running: {} },
  };
  const pod = podObject(name, { status: { phase: "Running", containerStatuses: [status] } });
  return {
    pod,
    uid: pod.metadata.uid,
    name,
    namespace: "ml",
    state,
    unsettled: false,
    role,
    index,
    labels: {},
    reason: { code: "test", message: "of the test" },
    by: "owner",
    owners: [],
    containers: containersOf(pod),
    defaultContainer: "main",
  };
}

/** `pod: text`, `pod -- note`. */
export function formatEntry(entry: LogEntry): string {
  if (entry.type === "line") return `${entry.source.label}: ${entry.text}`;
  return `${entry.source.label} -- ${entry.type === "dropped" ? `${entry.count} dropped` : entry.code}`;
}
