import type { Member, MemberChange } from "../resolution.ts";
import { compareMembers } from "./member-order.ts";

/** A list with more changes than this is sorted as a whole; fewer changes are inserted one by one. */
const MANY_CHANGES = 200;

/** At least this many changes are kept unsorted; at most as many as there are members. */
const KEPT_CHANGES = 1_000;

/** The members at one moment. The list is sorted when it is first read. */
export interface MemberSnapshot {
  readonly members: readonly Member[];
  readonly count: number;
}

/**
 * The members of a workload in order. A change costs only its entry in a journal: a list of 10,000 members is sorted when
 * a caller reads it, not at every event of a pod.
 */
export class MemberList {
  /** The members before the first change of the journal. */
  #sorted: readonly Member[] = [];
  /** Appended to and never edited, since snapshots read its beginning. */
  #journal: MemberChange[] = [];
  #count = 0;

  apply(changes: Iterable<MemberChange>): void {
    for (const change of changes) {
      this.#journal.push(change);
      if (change.before === undefined) this.#count += 1;
      if (change.after === undefined) this.#count -= 1;
    }
    if (this.#journal.length > Math.max(KEPT_CHANGES, this.#count)) this.#settle();
  }

  /** The members as they are now; it does not contain later changes. */
  snapshot(): MemberSnapshot {
    const count = this.#count;
    const position = this.#journal.length;
    let source: { readonly sorted: readonly Member[]; readonly journal: readonly MemberChange[] } | undefined = {
      sorted: this.#sorted,
      journal: this.#journal,
    };
    let members: readonly Member[] = [];
    const read = (): readonly Member[] => {
      if (source === undefined) return members;
      const isLatest = source.journal === this.#journal && position === this.#journal.length;
      members = isLatest ? this.#settle() : withChanges(source.sorted, source.journal.slice(0, position));
      source = undefined;
      return members;
    };
    return {
      count,
      get members() {
        return read();
      },
    };
  }

  #settle(): readonly Member[] {
    if (this.#journal.length === 0) return this.#sorted;
    this.#sorted = withChanges(this.#sorted, this.#journal);
    this.#journal = [];
    return this.#sorted;
  }
}

/** The sorted list after these changes: a new array. */
function withChanges(sorted: readonly Member[], changes: readonly MemberChange[]): readonly Member[] {
  const net = netChanges(changes);
  if (net.size > MANY_CHANGES) {
    const next = sorted.filter(({ uid }) => !net.has(uid));
    for (const { after } of net.values()) if (after !== undefined) next.push(after);
    return next.sort(compareMembers);
  }
  const next = [...sorted];
  for (const { before, after } of net.values()) {
    if (before !== undefined && after !== undefined && compareMembers(before, after) === 0) {
      next[positionOf(next, before)] = after;
      continue;
    }
    if (before !== undefined) next.splice(positionOf(next, before), 1);
    if (after !== undefined) next.splice(positionOf(next, after), 0, after);
  }
  return next;
}

/** One change per member, by UID. */
function netChanges(changes: readonly MemberChange[]): ReadonlyMap<string, MemberChange> {
  const net = new Map<string, MemberChange>();
  for (const change of changes) {
    const earlier = net.get(change.uid);
    net.set(change.uid, earlier === undefined ? change : { ...change, before: earlier.before });
  }
  return net;
}

/** The position of a member in the sorted list, or the position to insert it at. */
function positionOf(sorted: readonly Member[], member: Member): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareMembers(sorted[middle] as Member, member) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
