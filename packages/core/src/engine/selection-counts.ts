import type { MemberState } from "../contract/state.ts";
import { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Member } from "../resolve/resolution.ts";
import type { MemberSelection } from "../resolve/select/eligible.ts";
import { didYouMean, nearestNames } from "../text/did-you-mean.ts";

/** A member and what the mappings select of it. */
export interface Selected {
  readonly member: Member;
  readonly selection: MemberSelection;
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
  readonly #indexes = new Map<string, number>();
  /** By the label's key. */
  readonly #labels = new Map<string, number>();
  readonly #containers = new Map<string, number>();
  #members = 0;

  constructor(mappings: readonly ResolvedMapping[]) {
    this.#mappings = mappings;
    for (const { id } of mappings) this.#byMapping.set(id, { withContainer: 0, missing: new Map() });
  }

  get members(): number {
    return this.#members;
  }

  inState(...states: readonly MemberState[]): number {
    return states.reduce((sum, state) => sum + (this.#states.get(state) ?? 0), 0);
  }

  add(selected: Selected): void {
    this.#count(selected, 1);
  }

  remove(selected: Selected): void {
    this.#count(selected, -1);
  }

  #count({ member, selection }: Selected, step: 1 | -1): void {
    this.#members += step;
    bump(this.#states, member.state, step);
    if (member.role !== undefined) bump(this.#roles, member.role, step);
    if (member.index !== undefined) bump(this.#indexes, member.index, step);
    for (const key of Object.keys(member.labels)) bump(this.#labels, key, step);
    const { containers, initContainers = [], ephemeralContainers = [] } = member.pod.spec;
    // Also those that do not run now: such a container is not missing.
    for (const { name } of [...containers, ...initContainers, ...ephemeralContainers]) {
      bump(this.#containers, name, step);
    }
    for (const { mappings } of selection.containers) {
      for (const { id } of mappings) {
        const counts = this.#byMapping.get(id);
        if (counts !== undefined) counts.withContainer += step;
      }
    }
    for (const { mapping, reason } of selection.missing) {
      const missing = this.#byMapping.get(mapping.id)?.missing;
      if (step === 1) missing?.set(member.uid, reason);
      else missing?.delete(member.uid);
    }
  }

  /**
   * Roles, indexes, keys of labels and containers that a mapping names and no member has. Empty while there are no members. The values of
   * labels may come and go while the workload runs: a value that no member has now is not a mistake.
   * @param declaredRoles roles that the workload's spec names: they are not unknown while their pods do not exist yet
   */
  unmatched(declaredRoles: readonly string[]): readonly KinsyncError[] {
    if (this.#members === 0) return [];
    const roles = new Set([...this.#roles.keys(), ...declaredRoles]);
    const problems: KinsyncError[] = [];
    for (const mapping of this.#mappings) {
      for (const role of mapping.roles ?? []) {
        if (!roles.has(role)) problems.push(unmatched("role", mapping, role, [...roles]));
      }
      for (const index of mapping.indexes ?? []) {
        if (this.#indexes.has(index)) continue;
        problems.push(unmatched("index", mapping, index, [...this.#indexes.keys()]));
      }
      for (const key of Object.keys(mapping.labels ?? {})) {
        if (!this.#labels.has(key)) problems.push(unmatched("label", mapping, key, [...this.#labels.keys()]));
      }
      const counts = this.#byMapping.get(mapping.id);
      const [reason] = counts?.missing.values() ?? [];
      if (counts?.withContainer !== 0 || reason === undefined) continue;
      const { container } = mapping;
      problems.push(
        container === undefined || this.#containers.has(container)
          ? new KinsyncError("KINSYNC_RESOLVE_CONTAINER", `${mapping.id}: ${reason}`)
          : unmatched("container", mapping, container, [...this.#containers.keys()]),
      );
    }
    return problems;
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

function unmatched(
  word: keyof typeof UNMATCHED,
  mapping: ResolvedMapping,
  wanted: string,
  known: readonly string[],
): KinsyncError {
  const { code, plural } = UNMATCHED[word];
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
