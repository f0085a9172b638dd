import type { PulledFile, PullOptions, PullRequest } from "../contract/pull.ts";
import type { HostedSession } from "../contract/session.ts";
import { KinsyncError } from "../errors/error.ts";
import { answer, describe, isRecord } from "./host-error.ts";
import { guard } from "./host-guard.ts";

export interface PullHost {
  readonly plugin: string;
  /** Milliseconds without an entry, an answer or a byte until the plugin counts as hung. */
  readonly limitMs: number;
  readonly pull: HostedSession["pull"];
}

/** Longest time that a pull may take as a whole: as long as a timer can run. */
const WHOLE_MS = 2 ** 31 - 1;

/** Calls a transport's `pull`: ends one that makes no progress, and checks its answers. */
export async function hostPull(host: PullHost, path: string, options: PullOptions): Promise<void> {
  const { plugin, limitMs } = host;
  const hung = new AbortController();
  const timer = setTimeout(() => {
    const message = `plugin ${plugin} made no progress in pull for ${Math.round(limitMs / 1000)} s`;
    hung.abort(new KinsyncError("KINSYNC_PLUGIN_FAILED", message, { retry: "retry", plugin, operation: "pull" }));
  }, limitMs);
  const signal = AbortSignal.any([options.signal, hung.signal]);
  /** The caller's own errors are not the plugin's. */
  let own: { readonly error: unknown } | undefined;
  const keep = (error: unknown): never => {
    own ??= { error };
    throw error;
  };
  const choose: PullOptions["choose"] = async function* (entries) {
    timer.refresh();
    if (!Array.isArray(entries)) throw answer(`gave ${describe(entries)} to choose instead of entries`);
    try {
      for await (const request of options.choose(entries)) {
        timer.refresh();
        yield request;
        timer.refresh();
      }
    } catch (error) {
      keep(error);
    }
  };
  const take = async (file: PulledFile): Promise<void> => {
    timer.refresh();
    const checked = { ...checkedFile(file), chunks: moving(file.chunks, () => timer.refresh()) };
    await options.take(checked).catch(keep);
    timer.refresh();
  };
  try {
    await guard({ plugin, operation: "pull", limitMs: WHOLE_MS, signal, causeOf: () => own }, () =>
      host.pull(path, { signal, choose, take }),
    );
  } finally {
    clearTimeout(timer);
  }
}

async function* moving(chunks: AsyncIterable<Uint8Array>, onMove: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onMove();
    yield chunk;
    onMove();
  }
}

function checkedFile(file: PulledFile): PulledFile {
  if (!isRecord(file) || !isRecord(file.request)) throw answer(`gave ${describe(file)} to take instead of a file`);
  const { size, offset, request } = file as { size?: unknown; offset?: unknown; request: PullRequest };
  const isSize = size === undefined || (Number.isSafeInteger(size) && (size as number) >= 0);
  const isOffset = offset === 0 || (offset === request.have?.size && Number(offset) <= Number(size));
  if (!isSize || !isOffset) throw answer(`gave a file of ${describe(size)} bytes from ${describe(offset)} on`);
  return file;
}
