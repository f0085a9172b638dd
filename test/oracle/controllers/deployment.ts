import type { KubeObject } from "@kinsync/core/contract";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { obsolete, wanted } from "../cluster/facts.ts";
import {
  byAge,
  controllerReference,
  isAlive,
  isDeleting,
  isFinished,
  type Labels,
  type Typed,
} from "../cluster/objects.ts";
import type { Change, Store } from "../cluster/store.ts";
import { DEPLOYMENTS, PODS, REPLICA_SETS } from "../cluster/types.ts";
import { claim } from "./claim.ts";
import type { ReplicaSet, Template } from "./replica-set.ts";

const REVISION = "deployment.kubernetes.io/revision";
const DESIRED = "deployment.kubernetes.io/desired-replicas";
const HASH = "pod-template-hash";
const HISTORY_LIMIT = 2;

export type Deployment = Typed<
  {
    readonly replicas: number;
    readonly paused: boolean;
    readonly strategy: { readonly type: "RollingUpdate" | "Recreate" };
    readonly selector: { readonly matchLabels: Labels };
    readonly template: Template;
  },
  { readonly observedGeneration: number; readonly collisionCount: number }
>;

/** The Deployment controller (k8s `pkg/controller/deployment/{deployment_controller,sync,rolling,recreate}.go`). */
export class DeploymentController {
  /** UID of the ReplicaSet that it rolled to last, by the UID of the Deployment. Nothing in the API says so directly. */
  readonly rolledTo = new Map<string, string>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** One pass over all Deployments. */
  *sync(): Generator<void> {
    for (const { metadata } of this.#store.list(DEPLOYMENTS)) {
      const deployment = this.#store.get(metadata.uid);
      if (deployment !== undefined) yield* new Sync(this.#store, deployment, this.rolledTo).run();
    }
  }
}

/** Template equality, which is how the controller finds the ReplicaSet of a Deployment. The rule of the kind reads no templates. */
export function hasTemplateOf(set: ReplicaSet, deployment: Deployment): boolean {
  return set.spec?.template?.image === deployment.spec?.template?.image;
}

/** One pass over one Deployment. What it read at the beginning is not read again, as in the controller. */
class Sync {
  readonly #store: Store;
  readonly #rolledTo: Map<string, string>;
  #deployment: KubeObject & Deployment;
  #sets: ReplicaSet[] = [];

  constructor(store: Store, deployment: KubeObject, rolledTo: Map<string, string>) {
    this.#store = store;
    this.#deployment = deployment;
    this.#rolledTo = rolledTo;
  }

  *run(): Generator<void> {
    const { spec } = this.#deployment;
    const labels = spec?.selector?.matchLabels ?? {};
    this.#sets = (yield* claim(this.#store, this.#deployment, REPLICA_SETS, labels)).toSorted(byAge);
    if (isDeleting(this.#deployment)) yield* this.#writeStatus();
    else if (spec?.paused === true || this.#isScaled()) yield* this.#scaleOnly();
    else if (spec?.strategy?.type === "Recreate") yield* this.#recreate();
    else yield* this.#roll();
  }

  get #desired(): number {
    return this.#deployment.spec?.replicas ?? 1;
  }

  #isScaled(): boolean {
    return this.#sets.some(({ spec, metadata }) => {
      const desired = metadata.annotations?.[DESIRED];
      return (spec?.replicas ?? 0) > 0 && desired !== undefined && Number(desired) !== this.#desired;
    });
  }

  /** No new ReplicaSet, and no progress between those that are there. */
  *#scaleOnly(): Generator<void> {
    const present = yield* this.#presentSet(false);
    const active = this.#sets.filter(({ spec }) => (spec?.replicas ?? 0) > 0);
    const [only] = active.length === 0 ? [present ?? this.#sets.at(-1)] : active;
    if (only !== undefined && active.length < 2) yield* this.#scale(only, this.#desired);
    else {
      for (const [at, set] of active.entries()) {
        const share = Math.floor(this.#desired / active.length) + (at < this.#desired % active.length ? 1 : 0);
        yield* this.#scale(set, share);
      }
    }
    yield* this.#writeStatus();
  }

  *#roll(): Generator<void> {
    const present = yield* this.#presentSet(true);
    if (present === undefined) return;
    const old = this.#sets.filter(({ metadata }) => metadata.uid !== present.metadata.uid);
    const sizeOf = ({ spec }: ReplicaSet): number => spec?.replicas ?? 0;
    const oldSize = old.reduce((sum, set) => sum + sizeOf(set), 0);
    // One pod more than desired, and none less.
    yield* this.#scale(present, Math.min(this.#desired, Math.max(sizeOf(present), this.#desired + 1 - oldSize)));
    let surplus = Math.min(oldSize, Math.max(0, oldSize + this.#readyCount(present) - this.#desired));
    for (const set of old) {
      const less = Math.min(surplus, sizeOf(set));
      surplus -= less;
      if (less > 0) yield* this.#scale(set, sizeOf(set) - less);
    }
    yield* this.#finish(present);
  }

  *#recreate(): Generator<void> {
    const before = yield* this.#presentSet(false);
    const old = this.#sets.filter(({ metadata }) => metadata.uid !== before?.metadata.uid);
    const live = old.filter(({ spec }) => (spec?.replicas ?? 0) > 0);
    for (const set of live) yield* this.#scale(set, 0);
    const pods = old.flatMap(({ metadata }) => this.#store.ownedBy(metadata.uid, PODS));
    if (live.length > 0 || pods.some((pod) => !isFinished(pod))) {
      yield* this.#writeStatus();
      return;
    }
    const present = yield* this.#presentSet(true);
    if (present === undefined) return;
    yield* this.#scale(present, this.#desired);
    yield* this.#finish(present);
  }

  #readyCount({ metadata }: ReplicaSet): number {
    return this.#store.ownedBy(metadata.uid, PODS).filter((pod) => isAlive(pod) && pod.status?.["phase"] === "Running")
      .length;
  }

  /** `getNewReplicaSet`: the ReplicaSet of the template, with a number above all others. */
  *#presentSet(isCreated: boolean): Generator<void, ReplicaSet | undefined> {
    const found = this.#sets.find((set) => hasTemplateOf(set, this.#deployment));
    const others = this.#sets.filter((set) => set !== found);
    const next = Math.max(0, ...others.map(revisionOf)) + 1;
    if (found !== undefined) {
      if (revisionOf(found) < next) {
        // This pass ends here for the Deployment's own number; the next one copies it.
        const numbered = this.#update(found, { annotations: { [REVISION]: String(next) } }, found.metadata.uid);
        yield;
        return numbered;
      }
      yield* this.#annotate(revisionOf(found));
      return found;
    }
    if (!isCreated) return undefined;
    const created = yield* this.#create(next);
    if (created !== undefined) yield* this.#annotate(next);
    return created;
  }

  *#create(revision: number): Generator<void, ReplicaSet | undefined> {
    const { metadata, spec, status } = this.#deployment;
    const template = spec?.template;
    if (template === undefined) return undefined;
    const hash = `${template.image}${status?.collisionCount ?? ""}`;
    const name = `${metadata.name}-${hash}`;
    if (this.#store.find(REPLICA_SETS, name) !== undefined) {
      this.#deployment = this.#store.update(this.#deployment, {
        status: { collisionCount: (status?.collisionCount ?? 0) + 1 },
      });
      yield;
      return undefined;
    }
    const labels = { ...template.labels, [HASH]: hash };
    const created = this.#store.create({
      ...REPLICA_SETS,
      metadata: {
        name,
        labels,
        annotations: { [REVISION]: String(revision), [DESIRED]: String(this.#desired) },
        ownerReferences: [controllerReference(this.#deployment)],
      },
      spec: { replicas: 0, selector: { matchLabels: labels }, template: { ...template, labels } },
    });
    this.#sets.push(created);
    this.#tellRolled(created.metadata.uid);
    yield;
    return created;
  }

  /** The write that gives a ReplicaSet the highest number shows that the pods of all others are obsolete. */
  #update(set: KubeObject, change: Change, uid: string): ReplicaSet {
    const updated = this.#store.update(set, change, this.#facts(uid));
    this.#rolledTo.set(this.#deployment.metadata.uid, uid);
    return updated;
  }

  #facts(uid: string): ReturnType<typeof wanted> {
    const others = this.#sets.map(({ metadata }) => metadata.uid).filter((each) => each !== uid);
    return [...wanted(uid), ...obsolete(...others)];
  }

  #tellRolled(uid: string): void {
    this.#rolledTo.set(this.#deployment.metadata.uid, uid);
  }

  *#annotate(revision: number): Generator<void> {
    if (revisionOf(this.#deployment) === revision) return;
    this.#deployment = this.#store.update(this.#deployment, { annotations: { [REVISION]: String(revision) } });
    yield;
  }

  *#scale({ metadata }: ReplicaSet, replicas: number): Generator<void> {
    const set: ReplicaSet | undefined = this.#store.get(metadata.uid);
    if (set === undefined) return;
    const desired = String(this.#desired);
    if (set.spec?.replicas === replicas && set.metadata.annotations?.[DESIRED] === desired) return;
    this.#store.patch(metadata.uid, { spec: { replicas }, annotations: { [DESIRED]: desired } });
    yield;
  }

  *#finish(present: ReplicaSet): Generator<void> {
    const spent = this.#sets
      .filter(
        ({ metadata, spec, status }) =>
          metadata.uid !== present.metadata.uid && spec?.replicas === 0 && status?.replicas === 0,
      )
      .toSorted((a, b) => revisionOf(a) - revisionOf(b));
    if (this.#readyCount(present) >= this.#desired) {
      for (const set of spent.slice(0, Math.max(0, spent.length - HISTORY_LIMIT))) {
        deleteObject(this.#store, set);
        yield;
      }
    }
    yield* this.#writeStatus();
  }

  *#writeStatus(): Generator<void> {
    const { metadata, status } = this.#deployment;
    if (status?.observedGeneration === metadata.generation) return;
    this.#deployment = this.#store.update(this.#deployment, { status: { observedGeneration: metadata.generation } });
    yield;
  }
}

function revisionOf({ metadata }: ReplicaSet | Deployment): number {
  return Number(metadata.annotations?.[REVISION] ?? 0);
}
