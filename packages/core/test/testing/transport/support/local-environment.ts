import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TransportCapabilities } from "../../../../src/contract/capabilities.ts";
import type { ClusterConnection } from "../../../../src/contract/cluster.ts";
import { KinsyncError } from "../../../../src/contract/index.ts";
import {
  defineTransport,
  type OpenContext,
  type Session,
  type SessionEnd,
  type TransportPlugin,
} from "../../../../src/contract/transport.ts";
import type { Target } from "../../../../src/contract/target.ts";
import { localFileAccess, type TransportEnvironment } from "../../../../src/testing/index.ts";
import { ALL_CAPABILITIES } from "../../../support/capabilities.ts";
import { Network } from "./connection.ts";
import { LocalSession } from "./local-session.ts";

/** What a fault can reach. */
export interface FaultyWorld {
  /** The local path of what is at `path` below the mapped root. */
  readonly at: (path: string) => string;
  /** Ends every open session. */
  readonly end: (end: SessionEnd) => void;
  /** Of the session that the fault is planted in. */
  readonly runId: string;
}

type Open = (target: Target, context: OpenContext) => Promise<Session>;

/** One mistake of a transport: what it does instead of what the sound transport does. */
export interface Fault {
  /** Claimed instead of what the sound transport claims. */
  readonly capabilities?: Partial<TransportCapabilities>;
  readonly open?: (open: Open) => Open;
  readonly place?: NonNullable<TransportPlugin["place"]>;
  readonly session?: (sound: Required<Omit<Session, "seen">>, world: FaultyWorld) => Partial<Session>;
}

export const TARGET: Target = {
  namespace: "default",
  pod: "p",
  podUid: "uid-1",
  container: "main",
  containerId: "local://1",
};

const SMALL_BYTES = 256 * 1024;

/** A transport into a folder of this machine, sound but for the fault, and everything that the kit can do to its container. */
export async function makeLocalEnvironment({
  capabilities,
  open: openOf,
  session: sessionOf,
  place = soundPlace,
}: Fault = {}): Promise<Required<Omit<TransportEnvironment, "context" | "commands" | "untilVisible">>> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-local-")));
  const folder = join(base, "app");
  const small = join(base, "small");
  mkdirSync(folder);
  mkdirSync(small);
  const network = new Network();
  const sessions = new Set<LocalSession>();
  const end = (how: SessionEnd): void => {
    for (const session of sessions) session.end(how);
  };
  const open: Open = async (target, context) => {
    context.signal.throwIfAborted();
    if (target.podUid !== TARGET.podUid || target.containerId !== TARGET.containerId) {
      throw new KinsyncError("KINSYNC_TARGET_GONE", "another pod has its name");
    }
    const session = await LocalSession.open(context, { network, small: { folder: small, maxBytes: SMALL_BYTES } });
    sessions.add(session);
    const world = { at: (path: string) => join(folder, "root", path), end, runId: context.runId };
    return sessionOf === undefined ? session : { ...methodsOf(session), ...sessionOf(methodsOf(session), world) };
  };
  return {
    transport: defineTransport({
      name: "local",
      capabilities: {
        ...ALL_CAPABILITIES,
        pull: true,
        atomic: "batch",
        ...capabilities,
      },
      open: openOf === undefined ? open : openOf(open),
      place,
    }),
    cluster: {} as ClusterConnection,
    target: TARGET,
    folder,
    smallFolder: small,
    ...localFileAccess((path) => path),
    restart: async () => end({ why: "gone" }),
    breakConnection: async () => end({ why: "lost" }),
    cutNext: (after) => {
      network.cutNext = after;
    },
    stall: () => network.stall(),
    [Symbol.asyncDispose]: async () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Every container of this machine has its files. */
const soundPlace: NonNullable<TransportPlugin["place"]> = (_target, { path }) =>
  path.startsWith("/") ? { volume: "machine", path } : undefined;

/** The methods of a session as properties, so that a fault can replace some of them. */
function methodsOf(session: LocalSession): Required<Omit<Session, "seen">> {
  return {
    facts: session.facts,
    ended: session.ended,
    inventory: (...args) => session.inventory(...args),
    claim: (...args) => session.claim(...args),
    stage: (...args) => session.stage(...args),
    commit: (...args) => session.commit(...args),
    discard: (...args) => session.discard(...args),
    release: (...args) => session.release(...args),
    run: (...args) => session.run(...args),
    ping: (...args) => session.ping(...args),
    pull: (...args) => session.pull(...args),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}
