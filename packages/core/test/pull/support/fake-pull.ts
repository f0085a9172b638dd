import { createHash } from "node:crypto";
import type { PullEntry, PullOptions } from "../../../src/contract/pull.ts";
import type { HostedSession } from "../../../src/contract/session.ts";
import type { PullEvent } from "../../../src/pull/events.ts";
import { pullInAttempts } from "../../../src/pull/attempts.ts";

/** What a container answers: its list as it is, and the bytes of its files. */
export interface FakeContainer {
  readonly entries: readonly PullEntry[];
  /** By path. Default: the path itself. `undefined`: it cannot be read. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  /** Bytes after which the connection is lost. */
  readonly cutAfter?: number;
  /** The digest is that of other bytes. */
  readonly isChanging?: boolean;
}

const member = { namespace: "default", pod: "web-0", uid: "u", container: "main" };
const CHUNK_BYTES = 1000;

/** Bytes that the last pull transferred, by path. */
export interface Ran {
  readonly events: readonly PullEvent[];
  readonly sent: Readonly<Record<string, number>>;
  readonly done: Extract<PullEvent, { readonly type: "done" }> | undefined;
  /** Paths that were left out, with the reason's code. */
  readonly leftOut: Readonly<Record<string, string>>;
  readonly error: unknown;
}

export interface PullFakeOptions {
  readonly path?: string;
  readonly overwrite?: boolean;
  /** The connection is lost with this error in the first sessions, after `cutAfter`. Default: with an error that is not repeated. */
  readonly lost?: { readonly error: Error; readonly times: number };
}

function whole({ entries, files = {}, isChanging = false }: FakeContainer): FakeContainer {
  return { entries, files, isChanging };
}

/** Pulls from a container that answers as the test says. */
export async function pullFake(
  container: FakeContainer,
  to: string,
  { path = "/data", overwrite = false, lost }: PullFakeOptions = {},
): Promise<Ran> {
  const events: PullEvent[] = [];
  const sent: Record<string, number> = {};
  let sessions = 0;
  const open = async () => {
    sessions += 1;
    const { pull } = fakeSession(
      lost === undefined || sessions <= lost.times ? container : whole(container),
      sent,
      lost,
    );
    return { pull, [Symbol.asyncDispose]: async () => {} };
  };
  const { signal } = new AbortController();
  let error: unknown;
  try {
    const retry = { min: 1, max: 2 };
    await pullInAttempts({ open, member, path, to, overwrite, retry, signal, onEvent: (event) => events.push(event) });
  } catch (thrown) {
    error = thrown;
  }
  const leftOut = events.flatMap((event) => (event.type === "left-out" ? [[event.path, event.code] as const] : []));
  const done = events.find((event) => event.type === "done");
  return { events, sent, done, leftOut: Object.fromEntries(leftOut), error };
}

function fakeSession(
  container: FakeContainer,
  sent: Record<string, number>,
  lost?: { readonly error: Error },
): Pick<HostedSession, "pull"> {
  const { entries, files = {}, isChanging = false } = container;
  let left = container.cutAfter ?? Infinity;
  return {
    async pull(_path, { choose, take }: PullOptions) {
      for await (const request of choose(entries)) {
        const content = Object.hasOwn(files, request.path) ? files[request.path] : request.path;
        if (content === undefined) {
          await take({ request, size: undefined, offset: 0, chunks: chunksOf(""), digest: () => undefined });
          continue;
        }
        const start = content.slice(0, request.have?.size ?? 0);
        const isSame = request.have?.size === start.length && request.have.digest === digestOf(start);
        const offset = isSame ? start.length : 0;
        const rest = request.compareOnly === true ? "" : content.slice(offset);
        const chunks = chunksOf(rest, (count) => {
          left -= count;
          if (left >= 0) sent[request.path] = (sent[request.path] ?? 0) + count;
          if (left < 0) throw lost?.error ?? new Error("connection lost");
        });
        const digest = digestOf(isChanging ? `${content}!` : content);
        await take({ request, size: content.length, offset, chunks, digest: () => digest });
      }
    },
  };
}

async function* chunksOf(text: string, onChunk: (count: number) => void = () => {}): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += CHUNK_BYTES) {
    const chunk = Buffer.from(text.slice(at, at + CHUNK_BYTES), "latin1");
    onChunk(chunk.length);
    yield chunk;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}
