import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import {
  controllerReference,
  controllerUidOf,
  hasFields,
  isAlive,
  isDeleting,
  isFinished,
  type Labels,
  phaseOf,
  type Typed,
} from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { CONTROLLER_REVISIONS, DAEMON_SETS, PODS } from "../cluster/types.ts";
import { claim } from "./claim.ts";
import type { Template } from "./replica-set.ts";
import { syncRevisions } from "./revisions.ts";
import { imageOf, REVISION_HASH } from "./stateful-set.ts";

export type DaemonSet = Typed<
  {
    readonly updateStrategy: { readonly type: "RollingUpdate" | "OnDelete"; readonly maxSurge?: number };
    readonly selector: { readonly matchLabels: Labels };
    readonly template: Template;
  },
  {
    readonly observedGeneration: number;
    readonly desiredNumberScheduled: number;
    readonly updatedNumberScheduled: number;
  }
>;

/** The DaemonSet controller (k8s `pkg/controller/daemon/{daemon_controller,update}.go`) on a few nodes. */
export class DaemonSetController {
  readonly #store: Store;
  /** Nodes that pods may run on. */
  readonly nodes = new Set(["node-0", "node-1"]);
  /** Generation since which it replaces old pods, by UID. */
  readonly #rollingSince = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** One pass over all DaemonSets. */
  *sync(): Generator<void> {
    for (const { metadata } of this.#store.list(DAEMON_SETS)) {
      const set = this.#store.get(metadata.uid);
      if (set !== undefined && !isDeleting(set)) yield* this.#syncDaemonSet(set);
    }
  }

  *#syncDaemonSet(set: KubeObject): Generator<void> {
    const { spec, metadata }: DaemonSet = set;
    const labels = spec?.selector?.matchLabels ?? {};
    const image = spec?.template?.image ?? "";
    yield* claim(this.#store, set, CONTROLLER_REVISIONS, labels);
    const isRolling = spec?.updateStrategy?.type !== "OnDelete";
    const pods = yield* claim(this.#store, set, PODS, labels);
    // The highest number shows which template is wanted, unless the pods of others may stay.
    const since = this.#rollingSince.get(metadata.uid) ?? metadata.generation ?? 0;
    if (isRolling) this.#rollingSince.set(metadata.uid, since);
    else this.#rollingSince.delete(metadata.uid);
    const others = this.#others(metadata.uid, image).map((fact) => ({ ...fact, since }));
    const facts = isRolling ? [...wanted(groupOf(metadata.uid, image)), ...others] : [];
    const revision = yield* syncRevisions(this.#store, set, (hash) => `${metadata.name}-${hash}`, facts);
    const hash = revision.metadata.labels?.[REVISION_HASH] ?? "";
    for (const pod of pods) {
      const node = nodeOf(pod);
      const isExtra = pods.some(
        (other) => other !== pod && nodeOf(other) === node && isAlive(other) && isBefore(other, pod),
      );
      const isUnwanted = !this.nodes.has(node) || isFinished(pod) || isExtra;
      if (!isUnwanted || isDeleting(pod)) continue;
      deleteObject(this.#store, pod);
      yield;
    }
    for (const node of this.nodes) {
      // A pod that is being deleted keeps its successor away.
      if (this.#store.ownedBy(metadata.uid, PODS).some((pod) => nodeOf(pod) === node)) continue;
      this.#createPod(set, node, hash);
      yield;
    }
    if (isRolling) yield* this.#roll(set, hash);
    yield* this.#writeStatus(set, hash);
  }

  /** Deletes one old pod while no other one is missing. */
  *#roll({ metadata }: KubeObject, hash: string): Generator<void> {
    const pods = this.#store.ownedBy(metadata.uid, PODS);
    const old = pods.filter((pod) => isAlive(pod) && pod.metadata.labels?.[REVISION_HASH] !== hash);
    const isComplete = pods.every((pod) => isAlive(pod) && phaseOf(pod) === "Running");
    const pod = old.find((each) => phaseOf(each) !== "Running") ?? (isComplete ? old[0] : undefined);
    if (pod === undefined) return;
    deleteObject(this.#store, pod);
    yield;
  }

  #createPod(set: KubeObject, node: string, hash: string): void {
    const { spec }: DaemonSet = set;
    const image = spec?.template?.image ?? "";
    this.#store.create({
      ...PODS,
      metadata: {
        name: `${set.metadata.name}-${this.#store.writes}`,
        labels: { ...spec?.template?.labels, [REVISION_HASH]: hash },
        ownerReferences: [controllerReference(set)],
      },
      spec: { nodeName: node, containers: [{ name: "main", image }] },
      status: { phase: "Pending" },
    });
  }

  #others(uid: string, image: string): ReturnType<typeof obsolete> {
    const images = this.#store.everOwnedBy(uid, PODS).map((pod) => imageOf(pod) ?? "");
    const revisions = this.#store
      .ownedBy(uid, CONTROLLER_REVISIONS)
      .map(({ metadata }) => metadata.annotations?.["image"] ?? "");
    const others = new Set([...images, ...revisions].filter((each) => each !== image));
    return obsolete(...[...others].map((each) => groupOf(uid, each)));
  }

  *#writeStatus(set: KubeObject, hash: string): Generator<void> {
    const { metadata, spec, status = {} }: DaemonSet = set;
    const pods = this.#store.ownedBy(metadata.uid, PODS).filter(isAlive);
    const next = {
      observedGeneration: metadata.generation ?? 0,
      desiredNumberScheduled: this.nodes.size,
      updatedNumberScheduled: pods.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === hash).length,
    };
    if (hasFields(status, next)) return;
    const groups = this.#store.everOwnedBy(metadata.uid, PODS).map((pod) => groupOf(metadata.uid, imageOf(pod) ?? ""));
    const facts = spec?.updateStrategy?.type === "OnDelete" ? wanted(...groups) : [];
    this.#store.update(set, { status: next }, facts);
    yield;
  }
}

/** The pods that a DaemonSet has from one template. */
function groupOf(uid: string, image: string): string {
  return `${uid}/${image}`;
}

export function groupsOf(pod: KubeObject): readonly string[] {
  return [groupOf(controllerUidOf(pod) ?? "", imageOf(pod) ?? "")];
}

export function nodeOf({ spec }: KubeObject): string {
  const node = spec?.["nodeName"];
  return typeof node === "string" ? node : "";
}

function isBefore({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  return a.name < b.name;
}
