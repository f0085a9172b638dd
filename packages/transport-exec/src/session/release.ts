import { posix } from "node:path";
import { KinsyncError, type RootSpec } from "@kinsync/core/contract";
import type { AgentProtocol } from "../protocol/agent-protocol.ts";
import type { Operation } from "./agent-error.ts";
import type { MarkerWriter } from "./marker.ts";
import type { Requests } from "./requests.ts";
import type { Roots } from "./roots.ts";

/** What a release needs of its session. */
export interface ReleaseParts {
  readonly protocol: AgentProtocol;
  readonly requests: Requests;
  readonly roots: Roots;
  readonly marker: MarkerWriter;
}

/** Removes the state of a claimed root from the container. Rejects with `KINSYNC_TARGET_TAKEN` if another run owns the root by now. */
export async function releaseRoot(
  { protocol, requests, roots, marker }: ReleaseParts,
  root: RootSpec,
  operation: Operation,
  signal: AbortSignal,
): Promise<void> {
  const location = await roots.location(root.key);
  if (location === undefined) throw new KinsyncError("KINSYNC_INTERNAL", `${root.path} was not claimed`);
  // Another run may have claimed the root meanwhile: then its state stays.
  await requests.send<void>({
    signal,
    operation,
    encode: (id) => protocol.ping(id, location, marker.needle),
    onDone: () => {},
  });
  roots.disown(root.key);
  const [folder, name] = [posix.dirname(location.state), posix.basename(location.state)];
  await requests.send<void>({
    signal,
    isSlow: true,
    operation,
    encode: (id) => protocol.discard(id, { ...location, state: folder }, name),
    onDone: () => {},
  });
}
