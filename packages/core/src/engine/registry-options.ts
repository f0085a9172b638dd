import type { TransportCapabilities } from "../contract/capabilities.ts";
import type { KindPlugin } from "../contract/kind.ts";
import type { ResolvedAction } from "../mapping/action.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { ArchivePool } from "../sync/archive/archive-pool.ts";
import type { DeleteConsent } from "./delete-consent.ts";
import type { WorkloadEmitter } from "./emit.ts";
import type { Gang } from "./gang/gang.ts";
import type { OpenSession } from "./open-session.ts";
import type { Places } from "./places/places.ts";
import type { PlaceOfRoot } from "./places/target-places.ts";
import type { TargetEntry } from "./target-entry.ts";

/** What the targets of one workload are made with. */
export interface RegistryOptions {
  readonly mappings: readonly ResolvedMapping[];
  readonly actions: readonly ResolvedAction[];
  readonly kind: KindPlugin | undefined;
  readonly archives: ArchivePool;
  readonly emitter: WorkloadEmitter;
  readonly capabilities: (mapping: ResolvedMapping) => TransportCapabilities;
  readonly open: OpenSession;
  readonly consent: DeleteConsent;
  readonly placeOf: PlaceOfRoot;
  /** Of the whole run. */
  readonly places: Places;
  /** Position of the workload in the run. */
  readonly rank: number;
  readonly runId: string;
  /** ISO 8601: when this run began, or took targets back. */
  readonly since: () => string;
  readonly host: string | undefined;
  /** The pod existed when this run began: its mapped roots are claimed from any owner. */
  readonly isInitial: (uid: string) => boolean;
  /** Of a workload whose members get a snapshot at one moment. */
  readonly gang: Gang<TargetEntry> | undefined;
  /** A count changed. */
  readonly onChange: () => void;
}
