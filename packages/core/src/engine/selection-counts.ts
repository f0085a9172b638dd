import type { MemberState } from "../contract/state.ts";
import { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Member } from "../resolve/resolution.ts";
import type { MemberSelection } from "../resolve/select/eligible.ts";
import { didYouMean, nearestNames } from "../text/did-you-mean.ts";
import type { Obstacle } from "./outcome.ts";

/** A name in a filter of a mapping that fits no member. */
export interface Unmatched extends Obstacle {
  /** Identifies mapping and name. */
  readonly key: string;
}

/** Roles that a workload's spec names: they are not unknown while their pods do not exist yet. */
export interface DeclaredRoles {
  readonly names: readonly string[];
  /** The spec has no other roles: one that is missing here stays so until the spec differs. */
  readonly isComplete: boolean;
}

interface MappingCounts {
  /** Members that have the container that the mapping selects. */
  withContainer: number;
  /** Reasons of the selected members without this container, by UID. */
  readonly missing: Map<string, string>;
}

/** How many members have which state, role, index, label and container. Updated with each change: one member's change costs one member. */
export class SelectionCounts {
  readonly #mappings: readonly ResolvedMapping[];
  readonly #byMapping = new Map<string, MappingCounts>();
  readonly #states = new Map<string, number>();
  readonly #roles = new Map<string, number>();
  /** Only of indexes that a mapping names: each member has one of its own. */
  readonly #indexes = new Map<string, number>();
  readonly #namedIndexes: ReadonlySet<string>;
  /** By the label's key. */
  readonly #labels = new Map<string, number>();
  readonly #containers = new Map<string, number>();
  #members = 0;

  readonly #listMembers: () => Iterable<Member>;

  /** @param listMembers the members that are counted, for a message */
  constructor(mappings: readonly ResolvedMapping[], listMembers: () => Iterable<Member>) {
    this.#mappings = mappings;
    this.#listMembers = listMembers;
    this.#namedIndexes = new Set(mappings.flatMap(({ indexes = [] }) => indexes));
    for (const { id } of mappings) this.#byMapping.set(id, { withContainer: 0, missing: new Map() });
  }

  get members(): number {
    return this.#members;
  }

  inState(...states: readonly MemberState[]): number {
    return states.reduce((sum, state) => sum + (this.#states.get(state) ?? 0), 0);
  }

  add(selected: MemberSelection): void {
    this.#count(selected, 1);
  }

  remove(selected: MemberSelection): void {
    this.#count(selected, -1);
  }

  #count({ member, containers: selected, missing: lacking }: MemberSelection, step: 1 | -1): void {
    this.#members += step;
    bump(this.#states, member.state, step);
    if (member.role !== undefined) bump(this.#roles, member.role, step);
    const { index } = member;
    if (index !== undefined && this.#namedIndexes.has(index)) bump(this.#indexes, index, step);
    for (const key of Object.keys(member.labels)) bump(this.#labels, key, step);
    const { containers, initContainers = [], ephemeralContainers = [] } = member.pod.spec;
    // Also those that do not run now: such a container is not missing.
    for (const { name } of [...containers, ...initContainers, ...ephemeralContainers]) {
      bump(this.#containers, name, step);
    }
    for (const { mappings } of selected) {
      for (const { id } of mappings) {
        const counts = this.#byMapping.get(id);
        if (counts !== undefined) counts.withContainer += step;
      }
    }
    for (const { mapping, reason } of lacking) {
      const missing = this.#byMapping.get(mapping.id)?.missing;
      if (step === 1) missing?.set(member.uid, reason);
      else missing?.delete(member.uid);
    }
  }

  /**
   * Roles, indexes, keys of labels and containers that a mapping names and no member has. Empty while there are no members. The values of
   * labels may come and go while the workload runs: a value that no member has now is not a mistake. Costs the filters of the mappings,
   * whatever the number of members; only `error` reads the names of all members.
   * @param declared roles of the workload's spec
   */
  unmatched(declared: DeclaredRoles): readonly Unmatched[] {
    if (this.#members === 0) return [];
    const unmatched: Unmatched[] = [];
    for (const mapping of this.#mappings) {
      for (const role of mapping.roles ?? []) {
        if (this.#roles.has(role) || declared.names.includes(role)) continue;
        const known = () => [...this.#roles.keys(), ...declared.names];
        unmatched.push({ ...unmatchedName("role", mapping, role, known), isLasting: declared.isComplete });
      }
      for (const index of mapping.indexes ?? []) {
        if (this.#indexes.has(index)) continue;
        unmatched.push(
          unmatchedName("index", mapping, index, () =>
            Array.from(this.#listMembers(), (member) => member.index ?? []).flat(),
          ),
        );
      }
      for (const key of Object.keys(mapping.labels ?? {})) {
        if (this.#labels.has(key)) continue;
        unmatched.push(unmatchedName("label", mapping, key, () => [...this.#labels.keys()]));
      }
      const missing = this.#missingContainer(mapping);
      if (missing !== undefined) unmatched.push(missing);
    }
    return unmatched;
  }

  #missingContainer(mapping: ResolvedMapping): Unmatched | undefined {
    const counts = this.#byMapping.get(mapping.id);
    const [reason] = counts?.missing.values() ?? [];
    if (counts?.withContainer !== 0 || reason === undefined) return undefined;
    const { id, container } = mapping;
    if (container !== undefined && !this.#containers.has(container)) {
      return unmatchedName("container", mapping, container, () => [...this.#containers.keys()]);
    }
    const code = "KINSYNC_RESOLVE_CONTAINER";
    return { key: `${id} container`, code, error: () => new KinsyncError(code, `${id}: ${reason}`) };
  }
}

/** Limit of names in a message. */
const MAX_NAMES = 8;

const UNMATCHED = {
  role: { code: "KINSYNC_RESOLVE_ROLE", plural: "roles" },
  index: { code: "KINSYNC_RESOLVE_INDEX", plural: "indexes" },
  label: { code: "KINSYNC_RESOLVE_LABEL", plural: "labels" },
  container: { code: "KINSYNC_RESOLVE_CONTAINER", plural: "containers" },
} as const;

function unmatchedName(
  word: keyof typeof UNMATCHED,
  mapping: ResolvedMapping,
  wanted: string,
  known: () => readonly string[],
): Unmatched {
  const { code } = UNMATCHED[word];
  return { key: `${mapping.id} ${word} ${wanted}`, code, error: () => unmatchedError(word, mapping, wanted, known()) };
}

function unmatchedError(
  word: keyof typeof UNMATCHED,
  mapping: ResolvedMapping,
  wanted: string,
  names: readonly string[],
): KinsyncError {
  const { code, plural } = UNMATCHED[word];
  const known = [...new Set(names)];
  const sorted = known.toSorted();
  const more = sorted.length > MAX_NAMES ? `, and ${sorted.length - MAX_NAMES} more` : "";
  const list =
    known.length === 0
      ? `the members have no ${plural}`
      : `known ${plural}: ${sorted.slice(0, MAX_NAMES).join(", ")}${more}`;
  return new KinsyncError(code, `${mapping.id}: no member has the ${word} ${wanted}; ${list}`, {
    hint: didYouMean(nearestNames(wanted, known), `See \`kinsync tree\` for the ${plural} of the members.`),
    details: { wanted, known: sorted },
  });
}

function bump(counts: Map<string, number>, key: string, step: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + step;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
