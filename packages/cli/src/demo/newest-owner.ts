/** An object that owns pods, as the rule sees it. */
export interface Owner {
  readonly name: string;
  readonly uid: string;
  /** ISO 8601, whole seconds, as the API server writes it. */
  readonly created: string;
}

/** A pod and the UID of the object that controls it. */
export interface OwnedPodName {
  readonly name: string;
  readonly ownerUid: string;
}

/** Whom "the newest owner replaces the older ones" would have served. */
export interface NewestOwnerReach {
  /** More than one where their times are equal: the rule then takes one of them by chance. */
  readonly newest: readonly Owner[];
  readonly reached: readonly string[];
  readonly missed: readonly string[];
}

/**
 * The rule that other tools use: of all objects that own pods of the workload, the one that was created last is the workload's
 * present state, and its pods alone are current.
 */
export function newestOwnerReach(owners: readonly Owner[], pods: readonly OwnedPodName[]): NewestOwnerReach {
  const last = owners.reduce((latest, { created }) => (created > latest ? created : latest), "");
  const newest = owners.filter(({ created }) => created === last);
  const uids = new Set(newest.map(({ uid }) => uid));
  const names = (wanted: boolean): readonly string[] =>
    pods.filter(({ ownerUid }) => uids.has(ownerUid) === wanted).map(({ name }) => name);
  return { newest, reached: names(true), missed: names(false) };
}
