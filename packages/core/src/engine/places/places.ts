import { isSourceError, type KinsyncError } from "../../errors/error.ts";
import type { Following, FollowingProblem } from "../../sync/target/desired-state.ts";
import { ShortMap } from "../../sync/target/short-map.ts";
import type { TargetStatus } from "../../sync/target/status.ts";
import type { PlaceMember } from "./member.ts";
import { idOf, type Claim, type PlacedRoot, type PlaceGroup } from "./place-group.ts";
import { PlaceIndex } from "./place-index.ts";

/** Milliseconds in which a target whose session failed is not chosen to write for others. */
const UNFIT_MS = 10_000;

/** What a target needs to know about one of its mapped roots. */
export interface Standing {
  /** Identity of the bytes, also for people. */
  readonly id: string;
  /** Name of the root's part of the state directory. */
  readonly key: string;
  /** Paths that more specific mappings of any target override. */
  readonly overridden: readonly string[];
  /** Other targets that have the same files. */
  readonly sharedWith: number;
  /** Pods that have the same files, with this one. */
  readonly members: number;
  /** Absent: this target writes. */
  readonly follows: Following | undefined;
  /** The mapping that owns the place, where this one may not write it. */
  readonly refusedBy: Claim | undefined;
}

interface MemberState {
  readonly member: PlaceMember;
  /** As the transport located them. */
  roots: readonly PlacedRoot[];
  readonly claims: ShortMap<string, { readonly claim: Claim; readonly group: PlaceGroup }>;
  /** `performance.now()` until which it is not chosen to lead. Infinity: until its desired state differs, or the user retries. */
  unfitUntil: number;
  /** When it may be chosen again. */
  timer: NodeJS.Timeout | undefined;
  /** Another run owns it: it is never chosen again while another target is left. */
  isTaken: boolean;
  problem: FollowingProblem | undefined;
  incarnation: string | undefined;
}

/**
 * Where the mapped roots of all targets of a run land, and which target writes each place: the only owner of both answers. Several
 * workloads may share a place, so there is one for the whole run. A change of one target costs the targets that share its places.
 */
export class Places implements Disposable {
  readonly #members = new Map<string, MemberState>();
  readonly #index = new PlaceIndex();
  /** Places that this run has claimed; they outlive the targets. */
  readonly #claimed = new Set<string>();
  /** Targets to inform when the current change is complete. */
  readonly #touched = new Set<MemberState>();
  #isOver = false;

  /** Replaces the mapped roots of a target. */
  set(member: PlaceMember, roots: readonly PlacedRoot[]): void {
    let state = this.#members.get(member.key);
    if (state === undefined) {
      state = { ...NEW_MEMBER, member, roots, claims: new ShortMap() };
      this.#members.set(member.key, state);
    }
    state.roots = roots;
    this.#place(state);
    this.#flush();
  }

  /** The target no longer exists. Its places stay as long as another target has them. */
  remove(key: string): void {
    const state = this.#members.get(key);
    if (state === undefined) return;
    this.#members.delete(key);
    clearTimeout(state.timer);
    state.roots = [];
    this.#place(state);
    this.#touched.delete(state);
    this.#flush();
  }

  /** `undefined`: the target has no root of this mapping. */
  standing(key: string, mapping: string): Standing | undefined {
    const entry = this.#members.get(key)?.claims.get(mapping);
    if (entry === undefined) return undefined;
    const { claim, group } = entry;
    const { leader } = group;
    const isServed = group.isServed(claim);
    return {
      id: group.id,
      key: claim.root.key,
      overridden: group.overridden,
      sharedWith: group.served.length - (isServed ? 1 : 0),
      members: group.pods,
      follows: isServed && leader !== undefined && leader !== claim ? this.#following(claim, leader, group) : undefined,
      refusedBy: isServed ? undefined : group.winner,
    };
  }

  #following(claim: Claim, { member }: Claim, group: PlaceGroup): Following {
    const state = this.#members.get(member.key);
    return {
      leader: member.name,
      held: group.held,
      problem: state?.problem,
      incarnation: group.heldBy === group.leader ? state?.incarnation : undefined,
      isSure: group.isOwn || member.container === claim.member.container,
      epoch: group.epoch,
    };
  }

  /** This run has claimed the root before, through whichever target. */
  isClaimed(key: string, mapping: string): boolean {
    const group = this.#members.get(key)?.claims.get(mapping)?.group;
    return group !== undefined && this.#claimed.has(group.id);
  }

  claim(key: string, mapping: string): void {
    const group = this.#members.get(key)?.claims.get(mapping)?.group;
    if (group !== undefined) this.#claimed.add(group.id);
  }

  /** The leader sends a commit: what the place holds is not known until it is acknowledged. */
  delivering(key: string, mapping: string): void {
    const entry = this.#members.get(key)?.claims.get(mapping);
    if (entry !== undefined && entry.group.leader === entry.claim) entry.group.held = undefined;
  }

  /** The place holds a tree, as the leader acknowledged. Informs the targets that follow it. */
  delivered(key: string, mapping: string, digest: string, changed: readonly string[]): void {
    const entry = this.#members.get(key)?.claims.get(mapping);
    if (entry === undefined || entry.group.leader !== entry.claim) return;
    const { group, claim } = entry;
    group.held = digest;
    group.heldBy = claim;
    for (const other of group.served) {
      if (other === claim) continue;
      if (changed.length > 0) other.member.onShared(changed);
      this.#touch(other);
    }
    this.#flush();
  }

  /** A target's session or pass failed. Another one takes the lead of its places, if one is left. */
  failed(key: string, error: KinsyncError): void {
    const state = this.#members.get(key);
    // The target did not fail where a local file changed while it was sent, or where the user is asked: another one would ask again.
    if (state === undefined || isSourceError(error) || error.code === "KINSYNC_TARGET_DELETES") return;
    if (error.code === "KINSYNC_TARGET_TAKEN") state.isTaken = true;
    const isFinal = state.isTaken || error.retry === "terminal";
    state.unfitUntil = isFinal ? Number.POSITIVE_INFINITY : performance.now() + UNFIT_MS;
    clearTimeout(state.timer);
    // A leader that failed for good does not report again: then this is the next chance of its places.
    if (!isFinal && !this.#isOver) state.timer = setTimeout(() => this.#refit(state), UNFIT_MS);
    this.#decideFor(state);
  }

  /** A target's session is open, to the container with this incarnation. */
  opened(key: string, incarnation: string): void {
    const state = this.#members.get(key);
    if (state !== undefined) state.incarnation = incarnation;
  }

  /** A target tries again what failed for good: its desired state differs, or the user asked for it. */
  retried(key: string): void {
    const state = this.#members.get(key);
    if (state !== undefined) this.#refit(state);
  }

  /** A target that another run took is this run's again. */
  reclaimed(key: string): void {
    const state = this.#members.get(key);
    if (state === undefined) return;
    state.isTaken = false;
    this.#refit(state);
  }

  #refit(state: MemberState): void {
    if (state.unfitUntil === 0 || state.isTaken) return;
    state.unfitUntil = 0;
    clearTimeout(state.timer);
    this.#decideFor(state);
  }

  #decideFor(state: MemberState): void {
    this.#decide(state.claims.values().map(({ group }) => group));
    this.#flush();
  }

  /** The status of a target, which is that of its followers where their files are not in place. */
  status(key: string, status: TargetStatus, reason: string, error: KinsyncError | undefined): void {
    const state = this.#members.get(key);
    if (state === undefined) return;
    const before = state.problem;
    state.problem = problemOf(status, reason, error);
    if (before === undefined && state.problem === undefined) return;
    for (const { claim, group } of state.claims.values()) {
      if (group.leader !== claim) continue;
      for (const other of group.served) if (other !== claim) this.#touch(other);
    }
    this.#flush();
  }

  /** A target sees the files that its leader wrote: it can continue for it. */
  proved(key: string, mapping: string): void {
    const entry = this.#members.get(key)?.claims.get(mapping);
    entry?.group.proved(entry.claim);
  }

  /** A target does not see the files that its leader wrote: they get places of their own. */
  apart(key: string, mapping: string): void {
    const entry = this.#members.get(key)?.claims.get(mapping);
    if (entry === undefined) return;
    const { root, member } = entry.claim;
    this.#index.separate(root, member, entry.group.leader?.member);
    for (const state of this.#members.values()) {
      if (state.member.node !== member.node || !state.roots.some((each) => each.root.volume === root.volume)) continue;
      this.#place(state);
      this.#touched.add(state);
    }
    this.#flush();
  }

  /** Puts a target's roots into their groups. */
  #place(state: MemberState): void {
    const affected = new Set<PlaceGroup>();
    const next = new Map(state.roots.map((root) => [root.mapping.id, root]));
    for (const [id, { claim, group }] of state.claims.entries()) {
      const root = next.get(id);
      if (root !== undefined && group.id === idOf(this.#index.located(root.root, state.member))) {
        // The same claim: a leader keeps the lead.
        Object.assign(claim, root);
        next.delete(id);
        affected.add(group);
        continue;
      }
      state.claims.delete(id);
      group.remove(claim);
      affected.add(group);
    }
    for (const [id, root] of next) {
      const claim: Claim = { ...root, member: state.member };
      const group = this.#index.group(this.#index.located(root.root, state.member));
      // Found out late to be apart: another run may have taken it over since this run claimed it.
      if (this.#claimed.has(idOf(root.root))) this.#claimed.add(group.id);
      group.add(claim);
      state.claims.set(id, { claim, group });
      affected.add(group);
    }
    for (const group of affected) if (group.claims.length === 0) this.#index.remove(group);
    // Other places of these volumes may contain, or lie in, what came or went.
    const groups = new Set([...affected].flatMap((group) => [group, ...this.#index.around(group)]));
    this.#decide([...groups].filter(({ claims }) => claims.length > 0));
  }

  #decide(groups: readonly PlaceGroup[]): void {
    const now = performance.now();
    const isFit = ({ key }: PlaceMember): boolean => (this.#members.get(key)?.unfitUntil ?? 0) <= now;
    for (const group of groups) {
      if (group.decide(isFit, this.#index.nested(group))) for (const claim of group.claims) this.#touch(claim);
    }
  }

  #touch({ member }: Claim): void {
    const state = this.#members.get(member.key);
    if (state !== undefined) this.#touched.add(state);
  }

  #flush(): void {
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const { member } of touched) member.onChange();
  }

  /** Ends all timers. What is known stays. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const { timer } of this.#members.values()) clearTimeout(timer);
  }
}

const NEW_MEMBER = { unfitUntil: 0, timer: undefined, isTaken: false, problem: undefined, incarnation: undefined };

function problemOf(
  status: TargetStatus,
  reason: string,
  error: KinsyncError | undefined,
): FollowingProblem | undefined {
  // A target that is halted without an error has a mapping without local files.
  if (status === "halted" && error === undefined) return undefined;
  if (status === "stale" || status === "failed" || status === "halted" || status === "accepted") {
    return { status, reason, error };
  }
  return undefined;
}
