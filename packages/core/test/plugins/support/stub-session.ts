import { defineTransport } from "../../../src/contract/transport.ts";
import type { Batch, OpenContext, Session, TransportCapabilities } from "../../../src/contract/index.ts";
import type { Target } from "../../../src/contract/target.ts";
import { hostTransport } from "../../../src/plugins/host.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";

export const target: Target = {
  namespace: "ml",
  pod: "p",
  podUid: "u",
  container: "main",
  containerId: "containerd://1",
};

export function context(signal = new AbortController().signal): OpenContext {
  return { cluster: new FakeCluster([]), runId: "s", owner: "ada@laptop", since: "2026-01-01T00:00:00Z", signal };
}

/** A batch of one file whose archive is one chunk. */
export const batch: Batch = {
  root: { path: "/app", shape: "directory", key: "k" },
  snapshot: 3,
  tree: "digest",
  entries: [{ op: "file", path: "f", mode: 0o644, size: 1, digest: "0".repeat(64) }],
  placed: ["f"],
  unplaced: [],
  archive: {
    size: 1,
    async *chunks() {
      yield Uint8Array.of(1);
    },
  },
};

export const receipt = { snapshot: 3, tree: "digest", count: 1 };

/** A session in which everything succeeds at once, except for the given parts. */
export function stubSession(parts: Partial<Session> = {}): Session {
  const stages = new WeakSet<object>();
  return {
    facts: { agent: "sh", incarnation: "1", workingDirectory: "/" },
    ended: new Promise(() => undefined),
    inventory: () => Promise.resolve({ root: "missing", entries: [], placed: [] }),
    claim: () => Promise.resolve(),
    stage: () => {
      const stage = { ready: Promise.resolve() };
      stages.add(stage);
      return stage;
    },
    commit: (stage) => (stages.has(stage) ? Promise.resolve(receipt) : Promise.reject(new Error("not my stage"))),
    discard: () => Promise.resolve(),
    run: () => Promise.resolve({ exitCode: 0, why: "exited", output: "", truncated: false, duration: 1 }),
    ping: () => Promise.resolve(1),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...parts,
  };
}

/** A hosted transport named `radio` that opens these sessions. */
export function hostedTransport(
  open: (target: Target, context: OpenContext) => Promise<Session>,
  options: { readonly capabilities?: Partial<TransportCapabilities>; readonly limits?: object } = {},
) {
  const { capabilities = { run: true, deletes: true, acknowledges: "seen" }, limits } = options;
  return hostTransport(defineTransport({ name: "radio", capabilities, open }), limits);
}

/** A hosted session over a stub. */
export function openStub(parts: Partial<Session> = {}, options: Parameters<typeof hostedTransport>[1] = {}) {
  return hostedTransport(() => Promise.resolve(stubSession(parts)), options).open(target, context());
}
