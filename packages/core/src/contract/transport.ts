import { CONTRACT } from "./version.ts";
import type { RootSpec } from "./batch.ts";
import type { TransportCapabilities } from "./capabilities.ts";
import type { ClusterConnection, ClusterWriter } from "./cluster.ts";
import type { Place, PlaceContext } from "./place.ts";
import type { Pod } from "./resource.ts";
import type { Session } from "./session.ts";
import type { PolicyRule } from "./status.ts";
import type { Target } from "./target.ts";

export type { Archive, Batch, BatchEntry, CompressedPiece, LinkRate, PieceEncoding, RootSpec } from "./batch.ts";
export type { Inventory, InventoryEntry, Marker, Origin } from "./inventory.ts";
export type { Place, PlaceContext } from "./place.ts";
export type { HostedSession, Receipt, ReceiptNote, Session, SessionEnd, SessionFacts, Stage } from "./session.ts";

/** What a transport receives when it opens a session. */
export interface OpenContext {
  /** The way to the API server, as the user who runs kinsync. */
  readonly cluster: ClusterConnection;
  /** Changes the objects that the transport declares in `writesApi`. Since contract 2.2. Missing without consent, and while nothing is written (`plan`). */
  readonly writer?: ClusterWriter;
  /** ID of this run of kinsync; the transport writes it into markers. */
  readonly runId: string;
  /** User and machine of this run, for people; the transport writes it into markers. */
  readonly owner: string;
  /** ISO 8601: when this run began; the transport writes it into markers. The run that began last keeps a root that two runs claim. */
  readonly since: string;
  /** Name of this machine; the transport writes it into markers (`Marker.origin`). Default: not known, and the marker has no origin. */
  readonly host?: string;
  /** The pod as kinsync last read it: its volumes, mounts and labels. A program that opens a session itself may leave it out. */
  readonly pod?: Pod;
  /** The mapped roots that this session is for. The engine always gives them. Default: none known yet. */
  readonly roots?: readonly RootSpec[];
  /** Options of the mappings that name this transport: `transport: [name, options]`. Default: `{}`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Ends `open`. An open session is ended by its disposal. */
  readonly signal: AbortSignal;
}

/** One permission that a transport needs. */
export interface TransportPermission extends Pick<PolicyRule, "apiGroups" | "resources" | "verbs"> {
  /** The transport works without it. Since contract 2.2. Default: `false`. */
  readonly isOptional?: boolean;
}

/** How a session is opened and a batch is delivered. */
export interface TransportPlugin<Opened extends Session = Session> {
  /** Version of the contract that it was built for; see `isCompatible`. */
  readonly contract: string;
  /** Set by `defineTransport`. */
  readonly type: "transport";
  /** Unique among the loaded transports: `exec`. A mapping selects a transport by this name. */
  readonly name: string;
  /** What the transport can do. A capability that is not listed is not claimed. Default: none is claimed. */
  readonly capabilities?: Partial<TransportCapabilities>;
  /**
   * Opens a session to exactly this target. A run may have several at a time: mappings with other options have one of their own, and so
   * has a mapped root with large files. No two of them claim the same root at a time. Writes nothing before it has compared the pod's UID and the container's ID with the target's.
   * Rejects with a `KinsyncError` whose `retry` determines what the engine does next. `KINSYNC_TRANSPORT_CANNOT` is the code for what the
   * transport is unable to do; a code of the plugin's own goes into `details.code`.
   */
  readonly open: (target: Target, context: OpenContext) => Promise<Opened>;
  /**
   * Where the folder `root.path` of this target lands, where other targets may share it. Pure and synchronous: equal arguments give equal
   * answers. `undefined`: the bytes are this container's own. `root.path` is absolute as soon as a session has reported the working
   * directory. Before a target relies on another one to write its files, kinsync looks for the other's marker through the target's own
   * session, so a wrong answer costs time and no file. Since contract 2.1. Default: the bytes are the container's own.
   */
  readonly place?: (target: Target, root: RootSpec, context: PlaceContext) => Place | undefined;
  /**
   * API permissions that the transport needs in the target's namespace, so that kinsync can name the Role before anything fails. Those of
   * `writesApi` are added. Default: not known.
   */
  readonly permissions?: readonly TransportPermission[];
}

/** A transport as its author writes it. */
export type TransportDefinition<Opened extends Session = Session> = Omit<TransportPlugin<Opened>, "contract" | "type">;

/** Stamps a transport with the version of the contract and freezes it. */
export function defineTransport<Opened extends Session>(
  transport: TransportDefinition<Opened>,
): TransportPlugin<Opened> {
  return Object.freeze({ ...transport, contract: CONTRACT, type: "transport" as const });
}
