import type { Socket } from "node:net";
import type { ClusterConnection } from "../contract/cluster.ts";
import { asKinsyncError } from "../errors/error.ts";
import type { Resolution } from "../resolve/resolution.ts";
import type { ForwardEvent } from "./events.ts";
import { ForwardedPort } from "./forwarded-port.ts";
import { LOOPBACK, type ForwardRule } from "./forward-rule.ts";
import { checkLocalPorts } from "./same-port.ts";
import { openLocalPort, type LocalPort } from "./local-port.ts";

/** What ports of a workload are forwarded with. */
export interface ForwardOptions {
  readonly cluster: ClusterConnection;
  readonly rules: readonly ForwardRule[];
  /** Ends all connections; the ports close when the result is disposed of. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: ForwardEvent) => void;
  /** Time that a new connection waits for a member to go to. Milliseconds. Default: 10,000. */
  readonly waitMs?: number;
}

/** Open local ports of a workload. */
export interface Forwards extends AsyncDisposable {
  /** Takes over the state of the workload, as `watchWorkload` reports it. */
  update(resolution: Pick<Resolution, "members">): void;
}

const WAIT_MS = 10_000;

/**
 * Opens a local port for each rule. Each new connection goes to the member that is current at that moment, also after restarts and
 * roll-outs; where several fit, to the one with the lowest index. Rejects with `KINSYNC_FORWARD_LOCAL` where a port cannot be opened, or
 * two rules open the same one; then none is.
 *
 * @example
 * await using forwards = await openForwards({ cluster, rules: [{ port: 8265, role: "head" }], signal, onEvent: console.log });
 * await using watch = watchWorkload({ ...workload, onResolution: (resolution) => forwards.update(resolution) });
 */
export async function openForwards(options: ForwardOptions): Promise<Forwards> {
  const { cluster, rules, onEvent, waitMs = WAIT_MS } = options;
  checkLocalPorts(
    rules.map((rule) => ({ name: `${rule.localPort ?? rule.port}:${rule.port}`, rule })),
    "KINSYNC_FORWARD_LOCAL",
  );
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const open: { readonly forwarded: ForwardedPort; readonly local: LocalPort }[] = [];
  const close = async (): Promise<void> => {
    stop.abort(new DOMException("the ports are no longer forwarded", "AbortError"));
    await Promise.all(open.map(({ local }) => local[Symbol.asyncDispose]()));
  };
  try {
    for (const rule of rules) {
      const forwarded = new ForwardedPort({ cluster, rule, waitMs, signal, onEvent });
      const { address = LOOPBACK, localPort = rule.port } = rule;
      const local = await openLocalPort({ address, port: localPort, to: rule.port }, (socket) =>
        accept(forwarded, socket),
      );
      open.push({ forwarded, local });
      onEvent({ type: "opened", rule, address, localPort: local.port });
    }
  } catch (error) {
    await close();
    throw error;
  }
  function accept(forwarded: ForwardedPort, socket: Socket): void {
    forwarded.carry(socket).catch((cause: unknown) => {
      socket.destroy();
      if (signal.aborted) return;
      const error = asKinsyncError(cause, `Port ${forwarded.rule.port} cannot be forwarded`, {});
      onEvent({ type: "failed", rule: forwarded.rule, error });
    });
  }
  return {
    update: ({ members }) => {
      if (signal.aborted) return;
      for (const { forwarded } of open) forwarded.update(members);
    },
    [Symbol.asyncDispose]: close,
  };
}
