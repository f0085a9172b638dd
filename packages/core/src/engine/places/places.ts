import { isSourceError, type KinsyncError } from "../../errors/error.ts";
import type { Following } from "../../sync/target/desired-state.ts";
import type { TargetStatus } from "../../sync/target/status.ts";
import { entriesOf, shortList } from "../../sync/target/short-list.ts";
import {
  isSamePlace,
  type Claim,
  type PlacedRoot,
  type PlaceGroup,
  type PlaceMember,
  type Seat,
} from "./place-group.ts";
import { newSeat, problemOf } from "./seat.ts";
import type { Standing } from "./standing.ts";
import { PlaceIndex } from "./place-index.ts";

/** Milliseconds in which a target whose session failed is not chosen to write for others. */
const UNFIT_MS = 10_000;

const NONE: readonly never[] = Object.freeze([]);

/**
 * Where the mapped roots of all targets of a run land, and which target writes each place: the only owner of both answers. Several
 * workloads may share a place, so there is one for the whole run. A change of one target costs the targets that share its places.
 */
export class Places implements Disposable {
  /** Seats with a root that is not the container's own. */
  readonly #inVolumes = new Set<Seat>();
  /** Seats whose `timer` runs. */
  readonly #unfit = new Set<Seat>();
  readonly #index = new PlaceIndex();
  /** Targets to inform when the current change is complete. */
  readonly #touched = new Set<Seat>();
  #isOver = false;

  /** Replaces the mapped roots of a target. */
  set(member: PlaceMember, roots: readonly PlacedRoot[]): void {
    member.seat ??= newSeat(member);
    this.#place(member.seat, roots);
    this.#flush();
  }

  /** The target no longer exists. Its places stay as long as another target has them. */
  remove(member: PlaceMember): void {
    const { seat } = member;
    if (seat === undefined) return;
    member.seat = undefined;
    this.#stopTimer(seat);
    this.#place(seat, NONE);
    this.#touched.delete(seat);
    this.#flush();
  }

  /** `undefined`: the target has no root of this mapping. */
  standing(of: PlaceMember, mapping: string): Standing | undefined {
    const claim = this.#claim(of, mapping);
    if (claim === undefined) return undefined;
    const { group } = claim;
    const { leader } = group;
    const isServed = group.isServed(claim);
    return {
      id: group.id,
      key: claim.root.key,
      overridden: group.overridden,
      sharedWith: group.served.length - (isServed ? 1 : 0),
      members: group.pods,
      follows: isServed && leader !== undefined && leader !== claim ? this.#following(claim, leader) : undefined,
      refusedBy: isServed ? undefined : group.winner,
    };
  }

  #claim(member: PlaceMember, mapping: string): Claim | undefined {
    const { seat } = member;
    return seat && entriesOf(seat.claims).find((claim) => claim.mapping.id === mapping);
  }

  #following({ member: follower, group }: Claim, { member }: Claim): Following {
    const { seat } = member;
    return {
      leader: member.name,
      held: group.held,
      problem: seat?.problem,
      incarnation: group.heldBy === group.leader ? seat?.incarnation : undefined,
      isSure: group.isOwn || member.container === follower.container,
      epoch: group.epoch,
    };
  }

  /** This run has claimed the root before, through whichever target. */
  isClaimed(member: PlaceMember, mapping: string): boolean {
    return this.#claim(member, mapping)?.group.isClaimed === true;
  }

  claim(member: PlaceMember, mapping: string): void {
    const claim = this.#claim(member, mapping);
    if (claim !== undefined) claim.group.isClaimed = true;
  }

  /** This run took the root from another one, and has not given it back. */
  isBorrowed(member: PlaceMember, mapping: string): boolean {
    return this.#claim(member, mapping)?.group.isBorrowed === true;
  }

  borrow(member: PlaceMember, mapping: string, isBorrowed: boolean): void {
    const claim = this.#claim(member, mapping);
    if (claim !== undefined) claim.group.isBorrowed = isBorrowed;
  }

  /** The leader sends a commit: what the place holds is not known until it is acknowledged. */
  delivering(member: PlaceMember, mapping: string): void {
    const claim = this.#claim(member, mapping);
    if (claim !== undefined && claim.group.leader === claim) claim.group.held = undefined;
  }

  /** The place holds a tree, as the leader acknowledged. Informs the targets that follow it. */
  delivered(member: PlaceMember, mapping: string, digest: string, changed: readonly string[]): void {
    const claim = this.#claim(member, mapping);
    if (claim === undefined || claim.group.leader !== claim) return;
    const { group } = claim;
    group.held = digest;
    group.heldBy = claim;
    for (const other of group.served) {
      if (other === claim) continue;
      if (changed.length > 0) other.member.onShared(other.mapping.id, changed);
      this.#touch(other);
    }
    this.#flush();
  }

  /** What the marker of a root should owe: the commands of all targets that have its files. */
  owed(member: PlaceMember, mapping: string): readonly string[] {
    return this.#claim(member, mapping)?.group.owed ?? NONE;
  }

  /** Other commands than before have not succeeded in this target. The target that writes the place records it. */
  owes(member: PlaceMember, mapping: string, paths: readonly string[]): void {
    const claim = this.#claim(member, mapping);
    if (claim?.group.owe(claim, paths) === true) claim.group.leader?.member.onOwed();
  }

  /** A target's session or pass failed. Another one takes the lead of its places, if one is left. */
  failed(member: PlaceMember, error: KinsyncError): void {
    const { seat } = member;
    // The target did not fail where a local file changed while it was sent, or where the user is asked: another one would ask again.
    if (seat === undefined || isSourceError(error) || error.code === "KINSYNC_TARGET_DELETES") return;
    if (error.code === "KINSYNC_TARGET_TAKEN") seat.isTaken = true;
    const isFinal = seat.isTaken || error.retry === "terminal";
    seat.unfitUntil = isFinal ? Number.POSITIVE_INFINITY : performance.now() + UNFIT_MS;
    this.#stopTimer(seat);
    // A leader that failed for good does not report again: then this is the next chance of its places.
    if (!isFinal && !this.#isOver) {
      seat.timer = setTimeout(() => this.#refit(seat), UNFIT_MS);
      this.#unfit.add(seat);
    }
    this.#decideFor(seat);
  }

  /** A target's session is open, to the container with this incarnation. */
  opened(member: PlaceMember, incarnation: string): void {
    const { seat } = member;
    if (seat !== undefined) seat.incarnation = incarnation;
  }

  /** A target tries again what failed for good: its desired state differs, or the user asked for it. */
  retried(member: PlaceMember): void {
    const { seat } = member;
    if (seat !== undefined) this.#refit(seat);
  }

  /** A target that another run took is this run's again. */
  reclaimed(member: PlaceMember): void {
    const { seat } = member;
    if (seat === undefined) return;
    seat.isTaken = false;
    this.#refit(seat);
  }

  #refit(seat: Seat): void {
    if (seat.unfitUntil === 0 || seat.isTaken) return;
    seat.unfitUntil = 0;
    this.#stopTimer(seat);
    this.#decideFor(seat);
  }

  #stopTimer(seat: Seat): void {
    clearTimeout(seat.timer);
    this.#unfit.delete(seat);
  }

  #decideFor(seat: Seat): void {
    this.#decide(entriesOf(seat.claims).map(({ group }) => group));
    this.#flush();
  }

  /** The status of a target, which is that of its followers where their files are not in place. */
  status(member: PlaceMember, status: TargetStatus, reason: string, error: KinsyncError | undefined): void {
    const { seat } = member;
    if (seat === undefined) return;
    const before = seat.problem;
    seat.problem = problemOf(status, reason, error);
    if (before === undefined && seat.problem === undefined) return;
    for (const claim of entriesOf(seat.claims)) {
      const { group } = claim;
      if (group.leader !== claim) continue;
      for (const other of group.served) if (other !== claim) this.#touch(other);
    }
    this.#flush();
  }

  /** A target sees the files that its leader wrote: it can continue for it. */
  proved(member: PlaceMember, mapping: string): void {
    const claim = this.#claim(member, mapping);
    claim?.group.proved(claim);
  }

  /** A target does not see the files that its leader wrote: they get places of their own. */
  apart(member: PlaceMember, mapping: string): void {
    const claim = this.#claim(member, mapping);
    if (claim === undefined) return;
    const { root, group } = claim;
    this.#index.separate(root, member, group.leader?.member);
    for (const seat of this.#inVolumes) {
      const claims = entriesOf(seat.claims);
      if (seat.member.node !== member.node || !claims.some((each) => each.root.volume === root.volume)) continue;
      this.#place(seat, claims);
      this.#touched.add(seat);
    }
    this.#flush();
  }

  /** Puts a target's roots into their groups. @param roots as the transport located them */
  #place(seat: Seat, roots: readonly PlacedRoot[]): void {
    const { member } = seat;
    const before = entriesOf(seat.claims);
    const affected = new Set<PlaceGroup>();
    const claims = roots.map(({ mapping, rank, root, overridden }) => {
      const located = this.#index.located(root, member);
      const known = before.find((claim) => claim.mapping.id === mapping.id && isSamePlace(claim.group, located));
      // The same claim: a leader keeps the lead.
      if (known !== undefined) return Object.assign(known, { mapping, rank, root, overridden });
      const group = this.#index.group(located);
      // Found out late to be apart: another run may have taken it over since this run claimed it.
      group.isClaimed ||= this.#index.isClaimed(root);
      const claim: Claim = { mapping, rank, root, overridden, member, group };
      group.add(claim);
      return claim;
    });
    seat.claims = shortList(claims);
    if (claims.some(({ root }) => !root.isOwn)) this.#inVolumes.add(seat);
    else this.#inVolumes.delete(seat);
    for (const { group } of claims) affected.add(group);
    for (const claim of before) {
      if (claims.includes(claim)) continue;
      claim.group.remove(claim);
      affected.add(claim.group);
    }
    for (const group of affected) if (group.claims.length === 0) this.#index.remove(group);
    // Other places of these volumes may contain, or lie in, what came or went.
    const groups = new Set([...affected].flatMap((group) => [group, ...this.#index.around(group)]));
    this.#decide([...groups].filter(({ claims }) => claims.length > 0));
  }

  #decide(groups: readonly PlaceGroup[]): void {
    const now = performance.now();
    const isFit = (member: PlaceMember): boolean => (member.seat?.unfitUntil ?? 0) <= now;
    for (const group of groups) {
      if (group.decide(isFit, this.#index.nested(group))) for (const claim of group.claims) this.#touch(claim);
    }
  }

  #touch({ member: { seat } }: Claim): void {
    if (seat !== undefined) this.#touched.add(seat);
  }

  #flush(): void {
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const { member } of touched) member.onChange();
  }

  /** Ends all timers. What is known stays. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const seat of this.#unfit) clearTimeout(seat.timer);
    this.#unfit.clear();
  }
}
