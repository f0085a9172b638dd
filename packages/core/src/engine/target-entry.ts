import type { Place } from "../contract/place.ts";
import type { RootSpec } from "../contract/transport.ts";
import { asKinsyncError } from "../errors/error.ts";
import type { EligibleContainer } from "../resolve/select/eligible.ts";
import type { Worker } from "../sync/target/worker.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { LayoutRoot } from "./desired.ts";
import type { WorkloadEmitter } from "./emit.ts";
import type { SharedRootView } from "./options.ts";
import { locateRoot } from "./places/locate.ts";
import type { PlaceMember } from "./places/member.ts";
import type { PlacedRoot } from "./places/place-group.ts";
import type { Places } from "./places/places.ts";

/** Determines where a mapped root of a container lands, by the transport of its mapping. */
export type PlaceOfRoot = (eligible: EligibleContainer, mapping: ResolvedMapping, root: RootSpec) => Place | undefined;

/** More mappings than one workload has. */
const MAX_MAPPINGS = 1_000_000;

/** One container that should hold files. `worker` and `member` are `undefined` while it does not run. */
export interface TargetEntry {
  /** As last resolved; replaced with every change of the member, never kept. */
  eligible: EligibleContainer;
  worker: Worker | undefined;
  readonly member: PlaceMember | undefined;
  workingDirectory: string | undefined;
  /** Of the last delivery. */
  files: number;
  duration: number | undefined;
  /** Of the layout that the places have. */
  layoutKey: string | undefined;
  /** Of the files that it should hold, through itself or another target. */
  filesKey: string | undefined;
}

/** The mapped roots of a target that other targets have, too, as a part of its view. */
export function sharedRoots(
  places: Places,
  member: PlaceMember | undefined,
  mappings: readonly ResolvedMapping[],
): { readonly shared?: readonly SharedRootView[] } {
  if (member === undefined) return {};
  const shared = mappings.flatMap(({ id }): SharedRootView[] => {
    const standing = places.standing(member.key, id);
    if (standing === undefined || standing.sharedWith === 0) return [];
    const { id: place, sharedWith, members, follows } = standing;
    return [{ mapping: id, place, sharedWith, members, ...(follows === undefined ? {} : { through: follows.leader }) }];
  });
  return shared.length === 0 ? {} : { shared };
}

export interface LocateOptions {
  /** Of the workload, in the order of the config. */
  readonly mappings: readonly ResolvedMapping[];
  /** Position of the workload in the run. */
  readonly rank: number;
  readonly placeOf: PlaceOfRoot;
  readonly emitter: WorkloadEmitter;
}

/** Where the mapped roots of a target land. */
export function locateRoots(
  { eligible, workingDirectory }: Pick<TargetEntry, "eligible" | "workingDirectory">,
  layout: readonly LayoutRoot[],
  { mappings, rank, placeOf, emitter }: LocateOptions,
): readonly PlacedRoot[] {
  const { target } = eligible;
  if (target === undefined) return [];
  return layout.map(({ part: { mapping }, path, overridden }) => ({
    mapping,
    rank: rank * MAX_MAPPINGS + mappings.indexOf(mapping),
    overridden,
    root: locateRoot(target, path, workingDirectory, (spec) => {
      try {
        return placeOf(eligible, mapping, spec);
      } catch (error) {
        emitter.problem(asKinsyncError(error, `${mapping.id}: cannot find out where its files land`, {}));
        return undefined;
      }
    }),
  }));
}
