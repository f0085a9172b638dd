import { expect, test } from "vitest";
import type { PulledFile, PullOptions } from "../../src/contract/pull.ts";
import { KinsyncError } from "../../src/errors/error.ts";
import { hostPull } from "../../src/plugins/host-pull.ts";

const { signal } = new AbortController();

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function fileOf(part: Partial<PulledFile>): PulledFile {
  return { request: { path: "a" }, size: 3, offset: 0, chunks: bytes("abc"), digest: () => "d", ...part };
}

/** A plugin that answers one request with this file. */
function answering(part: Partial<PulledFile>) {
  return async (_path: string, { choose, take }: PullOptions): Promise<void> => {
    for await (const request of choose([{ path: "a", type: "file" }])) await take(fileOf({ request, ...part }));
  };
}

async function run(
  pull: (path: string, options: PullOptions) => Promise<void>,
  how: Partial<PullOptions> & { readonly limitMs?: number } = {},
): Promise<string> {
  let text = "";
  const choose: PullOptions["choose"] = async function* (entries) {
    yield* entries.map(({ path }) => ({ path }));
  };
  const take: PullOptions["take"] = async ({ chunks }) => {
    for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  };
  const { limitMs = 60_000, ...options } = how;
  await hostPull({ plugin: "p", limitMs, pull }, "/x", { signal, choose, take, ...options });
  return text;
}

test("entries, requests and bytes pass through", async () => {
  expect(await run(answering({}))).toBe("abc");
});

test("an error of the caller stays as it is, also one without a code", async () => {
  const own = new Error("disk full");
  const take = (): Promise<void> => Promise.reject(own);
  await expect(run(answering({}), { take })).rejects.toBe(own);
});

test("an error of the plugin names plugin and function; a KinsyncError keeps its code", async () => {
  await expect(run(() => Promise.reject(new Error("boom")))).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    plugin: "p",
    operation: "pull",
  });
  const missing = new KinsyncError("KINSYNC_PULL_PATH", "/x does not exist");
  await expect(run(() => Promise.reject(missing))).rejects.toMatchObject({ code: "KINSYNC_PULL_PATH" });
});

test.each<Partial<PulledFile>>([{ size: -1 }, { size: 1.5 }, { offset: 2 }, { size: undefined, offset: 1 }])(
  "an answer with %j is an error of the plugin",
  async (part) => {
    await expect(run(answering(part))).rejects.toMatchObject({ code: "KINSYNC_PLUGIN_FAILED", plugin: "p" });
  },
);

test("a plugin that makes no progress is ended", async () => {
  const hung = (_path: string, options: PullOptions): Promise<void> =>
    new Promise((_, reject) => options.signal.addEventListener("abort", () => reject(options.signal.reason)));
  await expect(run(hung, { limitMs: 50 })).rejects.toMatchObject({ code: "KINSYNC_PLUGIN_FAILED", retry: "retry" });
});
