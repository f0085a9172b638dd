import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted, type Fact } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import {
  controllerReference,
  controllerUidOf,
  isAlive,
  isDeleting,
  isFinished,
  phaseOf,
  type Typed,
} from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { LEADER_WORKER_SETS, PODS, STATEFUL_SETS } from "../cluster/types.ts";
import { imageOf, ordinalIn } from "./stateful-set.ts";

const PREFIX = "leaderworkerset.sigs.k8s.io/";
const REVISION = `${PREFIX}template-revision-hash`;

export type LeaderWorkerSet = Typed<
  {
    readonly replicas: number;
    readonly size: number;
    readonly image: string;
    readonly rolloutStrategy: { readonly rollingUpdateConfiguration: { readonly partition: number } };
  },
  { readonly observedGeneration: number }
>;

/** A StatefulSet of leaders, or of the workers of one leader. The template is that of a revision. */
type Group = Typed<{
  readonly replicas: number;
  readonly start: number;
  readonly partition: number;
  readonly image: string;
}>;

/**
 * The LeaderWorkerSet controller (lws `pkg/controllers/{leaderworkerset_controller,pod_controller}.go`) and as much of the StatefulSet
 * controller as it needs. The hash of a template is its image here, so that a rollback has the former hash again.
 */
export class LeaderWorkerSetController {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** One pass over all LeaderWorkerSets: the StatefulSet of the leaders, and the partition that it is rolled with. */
  *sync(): Generator<void> {
    for (const { metadata } of this.#store.list(LEADER_WORKER_SETS)) {
      const set = this.#store.get(metadata.uid);
      if (set !== undefined && !isDeleting(set)) yield* this.#syncLeaders(set);
    }
  }

  *#syncLeaders(set: KubeObject & LeaderWorkerSet): Generator<void> {
    const { spec, status, metadata } = set;
    const { replicas = 1, image = "a" } = spec ?? {};
    const userPartition = spec?.rolloutStrategy?.rollingUpdateConfiguration?.partition ?? 0;
    const [leaders] = this.#store.ownedBy(metadata.uid, STATEFUL_SETS);
    const pods = leaders === undefined ? [] : this.#store.ownedBy(leaders.metadata.uid, PODS);
    const isUpdated = (ordinal: number): boolean =>
      pods.some((pod) => ordinalIn(pod) === ordinal && isAlive(pod) && imageOf(pod) === image);
    // From the last group down, one group at a time.
    let partition = Math.max(0, replicas - 1);
    while (partition > userPartition && isUpdated(partition)) partition -= 1;
    partition = Math.max(partition, userPartition);
    const labels = { [`${PREFIX}name`]: metadata.name, [REVISION]: image };
    const fields = { replicas, start: 0, partition, image };
    if (leaders === undefined) {
      if (this.#store.find(STATEFUL_SETS, metadata.name) !== undefined) return;
      this.#store.create({
        ...STATEFUL_SETS,
        metadata: { name: metadata.name, labels, ownerReferences: [controllerReference(set)] },
        spec: fields,
      });
      yield;
    } else if (!isDeleting(leaders) && JSON.stringify(leaders.spec) !== JSON.stringify(fields)) {
      this.#store.update(leaders, { labels, spec: fields }, this.#facts(set, leaders, userPartition));
      yield;
    }
    if (status?.observedGeneration === metadata.generation) return;
    const facts =
      leaders === undefined ? [] : this.#facts(set, leaders, userPartition).filter((fact) => !fact.isObsolete);
    this.#store.update(set, { status: { observedGeneration: metadata.generation } }, facts);
    yield;
  }

  /** The label of the leaders' StatefulSet shows the revision; groups of others are obsolete, but those below the partition. So are those beyond the replicas. */
  #facts({ metadata, spec }: KubeObject & LeaderWorkerSet, leaders: KubeObject, partition: number): readonly Fact[] {
    const since = metadata.generation ?? 0;
    const everyLeader = this.#store.everOwnedBy(leaders.metadata.uid, PODS);
    return everyLeader.flatMap((leader) => {
      const isCondemned = ordinalIn(leader) >= (spec?.replicas ?? 1);
      const isOld = isCondemned || (imageOf(leader) !== spec?.image && ordinalIn(leader) >= partition);
      const group = groupOf(leader.metadata.uid);
      return isOld ? obsolete(group).map((fact) => ({ ...fact, since })) : wanted(group);
    });
  }

  /** One pass over all leaders: the StatefulSet of the workers, and the end of groups in which a container has restarted. */
  *syncGroups(): Generator<void> {
    for (const leader of this.#store.list(PODS)) {
      const owner = this.#store.get(controllerUidOf(leader));
      const set: (KubeObject & LeaderWorkerSet) | undefined = this.#store.get(
        owner === undefined ? undefined : controllerUidOf(owner),
      );
      const isLeader = set?.kind === "LeaderWorkerSet" && isAlive(leader);
      if (!isLeader || set === undefined) continue;
      const { size = 1 } = set.spec ?? {};
      if (size < 2 || this.#store.find(STATEFUL_SETS, leader.metadata.name) !== undefined) continue;
      const group = String(ordinalIn(leader));
      const image = imageOf(leader);
      this.#store.create({
        ...STATEFUL_SETS,
        metadata: {
          name: leader.metadata.name,
          labels: { [`${PREFIX}name`]: set.metadata.name, [`${PREFIX}group-index`]: group, [REVISION]: image ?? "" },
          ownerReferences: [controllerReference(leader)],
        },
        spec: { replicas: size - 1, start: 1, partition: 0, image },
      });
      yield;
    }
  }

  /** One pass over all StatefulSets, of leaders and of workers. */
  *syncPods(): Generator<void> {
    for (const { metadata } of this.#store.list(STATEFUL_SETS)) {
      const set: (KubeObject & Group) | undefined = this.#store.get(metadata.uid);
      if (set !== undefined && !isDeleting(set)) yield* this.#syncStatefulSet(set);
    }
  }

  *#syncStatefulSet(set: KubeObject & Group): Generator<void> {
    const { replicas = 0, start = 0, partition = 0, image = "a" } = set.spec ?? {};
    const pods = this.#store.ownedBy(set.metadata.uid, PODS);
    for (let ordinal = start; ordinal < start + replicas; ordinal += 1) {
      if (this.#store.find(PODS, `${set.metadata.name}-${ordinal}`) !== undefined) continue;
      this.#createPod(set, ordinal);
      yield;
    }
    for (const pod of pods) {
      const ordinal = ordinalIn(pod);
      const isLeader = start === 0;
      const isCondemned = ordinal < start || ordinal >= start + replicas || isFinished(pod);
      const isOld = isLeader && ordinal >= partition && imageOf(pod) !== image && phaseOf(pod) === "Running";
      if (isDeleting(pod) || !(isCondemned || isOld)) continue;
      deleteObject(this.#store, pod);
      yield;
    }
  }

  #createPod(set: KubeObject & Group, ordinal: number): void {
    const { start = 0, partition = 0, image = "a" } = set.spec ?? {};
    const isLeader = start === 0;
    const former = this.#store.everOwnedBy(set.metadata.uid, PODS).findLast((pod) => ordinalIn(pod) === ordinal);
    // Below the partition, a leader comes back from the revision that it was of.
    const made = isLeader && ordinal < partition && former !== undefined ? (imageOf(former) ?? image) : image;
    const group = isLeader ? String(ordinal) : (set.metadata.labels?.[`${PREFIX}group-index`] ?? "");
    this.#store.create({
      ...PODS,
      metadata: {
        name: `${set.metadata.name}-${ordinal}`,
        labels: {
          [`${PREFIX}name`]: set.metadata.labels?.[`${PREFIX}name`] ?? "",
          [`${PREFIX}group-index`]: group,
          [`${PREFIX}worker-index`]: isLeader ? "0" : String(ordinal),
          [REVISION]: made,
        },
        ownerReferences: [controllerReference(set)],
      },
      spec: { containers: [{ name: "main", image: made }] },
      status: { phase: "Pending" },
    });
  }
}

/** Group of facts: the pods of a leader, which is one of them. */
export function groupOf(leaderUid: string): string {
  return `group ${leaderUid}`;
}
