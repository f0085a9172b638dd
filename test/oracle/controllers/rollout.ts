import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted, type Fact } from "../cluster/facts.ts";
import {
  byAge,
  controllerReference,
  hasFields,
  isAlive,
  isDeleting,
  type Labels,
  phaseOf,
  type Typed,
} from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, REPLICA_SETS, ROLLOUTS } from "../cluster/types.ts";
import { claim } from "./claim.ts";
import type { ReplicaSet, Template } from "./replica-set.ts";

const HASH = "rollouts-pod-template-hash";

export type Rollout = Typed<
  {
    readonly replicas: number;
    readonly strategy: { readonly canary?: object; readonly blueGreen?: object };
    readonly selector: { readonly matchLabels: Labels };
    readonly template: Template;
  },
  {
    readonly observedGeneration: string;
    readonly currentPodHash: string;
    readonly stableRS: string;
    readonly abort: boolean;
    readonly promoteFull: boolean;
    readonly blueGreen: { readonly activeSelector?: string; readonly previewSelector?: string };
  }
>;

/**
 * The controller of Argo Rollouts (argo-rollouts `rollout/{controller,sync,canary,bluegreen}.go`). The hash of a template is its image here. A
 * canary stays at one pod until a user promotes it; the preview of a blue-green Rollout likewise.
 */
export class RolloutController {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** One pass over all Rollouts. */
  *sync(): Generator<void> {
    for (const { metadata } of this.#store.list(ROLLOUTS)) {
      const rollout = this.#store.get(metadata.uid);
      if (rollout !== undefined && !isDeleting(rollout)) yield* this.#syncRollout(rollout);
    }
  }

  *#syncRollout(rollout: KubeObject & Rollout): Generator<void> {
    const { spec, status = {} } = rollout;
    const desired = spec?.replicas ?? 1;
    const hash = spec?.template?.image ?? "";
    const sets = (yield* claim(this.#store, rollout, REPLICA_SETS, spec?.selector?.matchLabels ?? {})).toSorted(byAge);
    const found = sets.find((set) => set.metadata.labels?.[HASH] === hash);
    if (found === undefined && this.#store.find(REPLICA_SETS, `${rollout.metadata.name}-${hash}`) !== undefined) return;
    const present = found ?? this.#createSet(rollout, hash);
    if (found === undefined) yield;
    const isNewTemplate = status.currentPodHash !== hash;
    const stable = status.stableRS ?? hash;
    // Another template ends an abort and a promotion.
    const isAborted = !isNewTemplate && status.abort === true && stable !== hash;
    const isPromoted = !isNewTemplate && status.promoteFull === true;
    const isSettled = this.#readyCount(present) >= desired;
    const isOver = stable === hash || (isPromoted && isSettled && !isAborted);
    const isBlueGreen = spec?.strategy?.blueGreen !== undefined;
    for (const set of sets) {
      if (set.metadata.labels?.[HASH] === hash) continue;
      const isStable = set.metadata.labels?.[HASH] === stable && !isOver;
      yield* this.#scale(set, isStable ? desired : 0);
    }
    yield* this.#scale(present, isAborted ? 0 : isOver || isPromoted || isBlueGreen ? desired : Math.min(1, desired));
    const nextStable = isOver ? hash : stable;
    yield* this.#writeStatus(rollout, {
      observedGeneration: String(rollout.metadata.generation ?? 0),
      currentPodHash: hash,
      stableRS: nextStable,
      abort: isAborted,
      promoteFull: isPromoted && !isOver,
      ...(isBlueGreen ? { blueGreen: { activeSelector: nextStable, previewSelector: hash } } : {}),
    });
  }

  #createSet(rollout: KubeObject & Rollout, hash: string): KubeObject {
    const { spec, metadata } = rollout;
    const labels = { ...spec?.template?.labels, [HASH]: hash };
    return this.#store.create({
      ...REPLICA_SETS,
      metadata: { name: `${metadata.name}-${hash}`, labels, ownerReferences: [controllerReference(rollout)] },
      spec: { replicas: 0, selector: { matchLabels: labels }, template: { labels, image: hash } },
    });
  }

  *#scale({ metadata }: KubeObject, replicas: number): Generator<void> {
    const set: (KubeObject & ReplicaSet) | undefined = this.#store.get(metadata.uid);
    if (set === undefined || set.spec?.replicas === replicas) return;
    this.#store.update(set, { spec: { replicas } });
    yield;
  }

  /** The status names the hashes that take part: pods of all others are obsolete. */
  *#writeStatus(rollout: KubeObject & Rollout, next: NonNullable<Rollout["status"]>): Generator<void> {
    const { status = {}, metadata } = rollout;
    if (hasFields(status, next)) return;
    const facts = this.#store
      .everOwnedBy(metadata.uid, REPLICA_SETS)
      .flatMap((set): readonly Fact[] =>
        isTakingPart(next, set) ? wanted(set.metadata.uid) : obsolete(set.metadata.uid),
      );
    this.#store.update(rollout, { status: next }, facts);
    yield;
  }

  #readyCount({ metadata }: KubeObject): number {
    const pods = this.#store.ownedBy(metadata.uid, PODS);
    return pods.filter((pod) => isAlive(pod) && phaseOf(pod) === "Running").length;
  }
}

/** A ReplicaSet whose pods take traffic: that of the present template, unless it was aborted, and the stable one. By templates, not by labels. */
export function isTakingPart(
  { currentPodHash, stableRS, abort }: NonNullable<Rollout["status"]>,
  set: ReplicaSet,
): boolean {
  const image = set.spec?.template?.image;
  return image === stableRS || (image === currentPodHash && abort !== true);
}
