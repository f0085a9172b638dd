import type { ClusterConnection } from "../contract/cluster.ts";
import type { HostedSession } from "../contract/transport.ts";
import { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { hostTransport, loadedTransports, type HostedTransport, type TransportEntry } from "../plugins/host.ts";
import { OpenLimit } from "../sync/target/open-limit.ts";
import type { OpenSession } from "./open-session.ts";
import type { WriterFor } from "./options.ts";

export interface SessionsOptions {
  readonly cluster: ClusterConnection;
  readonly transports: readonly TransportEntry[];
  readonly runId: string;
  readonly owner: string;
  /** Name of this machine; `undefined`: not known. */
  readonly host: string | undefined;
  readonly writerFor: WriterFor | undefined;
  /** ISO 8601: when the run began, as its markers say. */
  readonly since: () => string;
}

/** How one run, plan or clean-up reaches containers: its transports, and a limit of openings for each node. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #limit = new OpenLimit();
  /** By name. */
  readonly #transports = new Map<string, HostedTransport>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** The transport of a mapping. Throws `KINSYNC_PLUGIN_NOT_FOUND`. */
  transport(mapping: ResolvedMapping): HostedTransport {
    const known = this.#transports.get(mapping.transport);
    if (known !== undefined) return known;
    const { transports } = this.#options;
    const plugin = loadedTransports(transports).find(({ name }) => name === mapping.transport);
    if (plugin !== undefined) {
      const hosted = hostTransport(plugin);
      this.#transports.set(plugin.name, hosted);
      return hosted;
    }
    const names = transports.map(({ name }) => name).join(", ");
    throw new KinsyncError(
      "KINSYNC_PLUGIN_NOT_FOUND",
      `${mapping.id} names the transport "${mapping.transport}", which is not loaded; loaded: ${names}`,
      { retry: "terminal" },
    );
  }

  /** Rejects with `KINSYNC_TARGET_GONE` where the container no longer runs, and as `TransportPlugin.open`. */
  async open(
    ...[{ target, container, member }, mapping, roots, signal]: Parameters<OpenSession>
  ): Promise<HostedSession> {
    const transport = this.transport(mapping);
    if (target === undefined) {
      throw new KinsyncError("KINSYNC_TARGET_GONE", `container ${container.name} no longer runs`);
    }
    const { cluster, runId, owner, host, since, writerFor } = this.#options;
    const isWriter = transport.capabilities.writesApi.length > 0;
    const writer = isWriter ? writerFor?.(transport, target.namespace) : undefined;
    const context = {
      cluster,
      ...(writer === undefined ? {} : { writer }),
      runId,
      owner,
      since: since(),
      ...(host === undefined ? {} : { host }),
      pod: member.pod,
      roots,
      options: mapping.transportOptions ?? {},
      signal,
    };
    return await this.#limit.run(target.node ?? "", signal, () => transport.open(target, context));
  }
}
