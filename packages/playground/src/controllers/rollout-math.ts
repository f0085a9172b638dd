// The sizes of ReplicaSets during a rollout. Pure.

export interface Bounds {
  readonly surge: number;
  readonly unavailable: number;
}

/** Numbers or percentages of `replicas`: surge is rounded up, unavailable down; if both are 0, unavailable becomes 1, so that the rollout can progress. */
export function rolloutBounds(
  replicas: number,
  maxSurge: number | string | undefined,
  maxUnavailable: number | string | undefined,
): Bounds {
  const surge = resolve(maxSurge ?? "25%", replicas, Math.ceil);
  const unavailable = resolve(maxUnavailable ?? "25%", replicas, Math.floor);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, replicas) };
}

function resolve(value: number | string, of: number, round: (n: number) => number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  return percent === undefined ? Number(value) || 0 : round((Number(percent) * of) / 100);
}

/** Size of the new ReplicaSet in this step. */
export function nextReplicasOfNewSet(desired: number, bounds: Bounds, all: number, own: number): number {
  const room = desired + bounds.surge - all;
  return room <= 0 ? own : own + Math.min(room, desired - own);
}

export interface OldSet {
  readonly replicas: number;
  readonly available: number;
}

/** Sizes of the old ReplicaSets in this step: first pods that are not ready are removed, then as many as may be unavailable. */
export function nextReplicasOfOldSets(
  desired: number,
  bounds: Bounds,
  newSet: OldSet,
  oldSets: readonly OldSet[],
): number[] {
  const next = oldSets.map(({ replicas }) => replicas);
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  const least = desired - bounds.unavailable;
  const budget = newSet.replicas + sum(next) - least - Math.max(0, newSet.replicas - newSet.available);
  if (budget <= 0) return next;
  let left = budget;
  for (const [index, { replicas, available }] of oldSets.entries()) {
    const broken = Math.min(left, Math.max(0, replicas - available));
    next[index] = replicas - broken;
    left -= broken;
  }
  let spare = newSet.available + sum(oldSets.map(({ available }) => available)) - least;
  for (const [index, replicas] of next.entries()) {
    if (spare <= 0) break;
    const gone = Math.min(replicas, spare);
    next[index] = replicas - gone;
    spare -= gone;
  }
  return next;
}

/** Scales ReplicaSets proportionally to `allowed`. The first of equals gets the rest of rounding. */
export function proportionalReplicas(allowed: number, sizes: readonly number[]): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0) return sizes.map((_, index) => (index === 0 ? allowed : 0));
  const next = sizes.map((size) => Math.round((size * allowed) / total));
  const order = sizes.map((_, index) => index).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
  let left = allowed - next.reduce((sum, size) => sum + size, 0);
  for (let step = 0; left !== 0; step += 1) {
    const index = order[step % order.length] ?? 0;
    const change = Math.max(-(next[index] ?? 0), Math.sign(left));
    next[index] = (next[index] ?? 0) + change;
    left -= change;
  }
  return next;
}
