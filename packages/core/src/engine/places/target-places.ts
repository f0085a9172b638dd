import type { Place } from "../../contract/place.ts";
import type { RootSpec } from "../../contract/transport.ts";
import { asKinsyncError } from "../../errors/error.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { EligibleContainer } from "../../resolve/select/eligible.ts";
import type { DesiredState } from "../../sync/target/desired-state.ts";
import type { BorrowedRoots, ClaimedRoots } from "../../sync/target/first-contact.ts";
import type { LayoutRoot, Projected } from "../desired.ts";
import type { WorkloadEmitter } from "../emit.ts";
import type { SharedRootView } from "../options.ts";
import { locateRoot } from "./locate.ts";
import type { PlacedRoot, PlaceMember, Seat } from "./place-group.ts";
import { placedState } from "./placed-state.ts";
import type { Places } from "./places.ts";
import type { Standing } from "./standing.ts";

/** Determines where a mapped root of a container lands, by the transport of its mapping. */
export type PlaceOfRoot = (eligible: EligibleContainer, mapping: ResolvedMapping, root: RootSpec) => Place | undefined;

/** More mappings than one workload has. */
const MAX_MAPPINGS = 1_000_000;

/** What the targets of one workload share. */
export interface TargetPlacesContext {
  /** Of the whole run. */
  readonly places: Places;
  /** Of the workload, in the order of the config. */
  readonly mappings: readonly ResolvedMapping[];
  /** Position of the workload in the run. */
  readonly rank: number;
  readonly placeOf: PlaceOfRoot;
  readonly emitter: WorkloadEmitter;
}

/** The target whose mapped roots these are. */
export interface PlacedTarget {
  readonly eligible: EligibleContainer;
  readonly name: string;
  /** Working directory of the container; `undefined` until a session has reported it. */
  readonly workingDirectory: string | undefined;
  /** Pushes the desired state of this moment to the worker. */
  push(): void;
  /** Another target changed these paths of files that this one shares. */
  noteChanged(mapping: string, paths: readonly string[]): void;
  /** What a marker should owe differs. */
  onOwedChanged(): void;
}

/** The mapped roots of one running target among all places: what the places know of it, and what they decide for it. */
export class TargetPlaces implements PlaceMember, ClaimedRoots {
  readonly #context: TargetPlacesContext;
  readonly #owner: PlacedTarget;
  seat: Seat | undefined;
  /** Of the layout that the places have. */
  #layoutKey: string | undefined;
  /** Of the files that the target should hold, through itself or another target. */
  #filesKey: string | undefined;

  constructor(context: TargetPlacesContext, owner: PlacedTarget) {
    this.#context = context;
    this.#owner = owner;
  }

  // --- a member of the places ---

  get name(): string {
    return this.#owner.name;
  }

  get order(): readonly string[] {
    const { member, container } = this.#owner.eligible;
    return [member.name, member.uid, container.name];
  }

  get container(): string {
    return this.#owner.eligible.key;
  }

  get node(): string | undefined {
    return this.#owner.eligible.member.pod.spec.nodeName;
  }

  onChange(): void {
    this.#owner.push();
  }

  onShared(mapping: string, paths: readonly string[]): void {
    this.#owner.noteChanged(mapping, paths);
  }

  onOwed(): void {
    this.#owner.onOwedChanged();
  }

  // --- the mapped roots that this run has claimed ---

  has(mappingId: string): boolean {
    return this.#context.places.isClaimed(this, mappingId);
  }

  add(mappingId: string): void {
    this.#context.places.claim(this, mappingId);
  }

  get borrowed(): BorrowedRoots {
    const { places } = this.#context;
    return {
      has: (id) => places.isBorrowed(this, id),
      add: (id) => places.borrow(this, id, true),
      delete: (id) => places.borrow(this, id, false),
    };
  }

  // --- what the target asks and reports ---

  /**
   * Tells the places where the mapped roots of a projection land, if that differs. They may push to this target and to others.
   * @param filesKey of all files that the target should hold or prepare
   */
  update({ layout, layoutKey }: Projected, filesKey: string): void {
    const { places } = this.#context;
    const before = this.#filesKey;
    this.#filesKey = filesKey;
    // What failed for good is tried again with other files.
    if (before !== filesKey) places.retried(this);
    if (this.#layoutKey === layoutKey) return;
    this.#layoutKey = layoutKey;
    places.set(this, locate(layout, this.#context, this.#owner));
  }

  /** What the target should hold of a projection. */
  state(projected: Projected): DesiredState {
    return placedState(projected, ({ id }) => this.standing(id));
  }

  /** `undefined`: the target has no root of this mapping. */
  standing(mappingId: string): Standing | undefined {
    return this.#context.places.standing(this, mappingId);
  }

  /** The mapped roots that other targets have, too. */
  shared(): readonly SharedRootView[] {
    return this.#owner.eligible.mappings.flatMap(({ id }): SharedRootView[] => {
      const standing = this.standing(id);
      if (standing === undefined || standing.sharedWith === 0) return [];
      const { id: place, sharedWith, members, follows } = standing;
      return [
        { mapping: id, place, sharedWith, members, ...(follows === undefined ? {} : { through: follows.leader }) },
      ];
    });
  }
}

/** Where the roots of a layout land. */
function locate(
  layout: readonly LayoutRoot[],
  { mappings, rank, placeOf, emitter }: TargetPlacesContext,
  { eligible, workingDirectory }: PlacedTarget,
): readonly PlacedRoot[] {
  const { member, container } = eligible;
  const target = { podUid: member.uid, containerId: container.runningId ?? "" };
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
