/**
 * What a write to the API makes known: the pods of a group are obsolete, or they are not (again). A group is a UID (of a pod, or of an owner
 * of pods), or a name that the oracle gives the pods that one owner has from one template. The newest fact about a group holds.
 */
export interface Fact {
  readonly group: string;
  readonly isObsolete: boolean;
  /** Generation of the root whose spec makes it so. Default: it is so whatever the spec says. */
  readonly since?: number;
}

export function obsolete(...groups: readonly string[]): readonly Fact[] {
  return groups.map((group) => ({ group, isObsolete: true }));
}

export function wanted(...groups: readonly string[]): readonly Fact[] {
  return groups.map((group) => ({ group, isObsolete: false }));
}
