import type { KubeObject } from "@kinsync/core/contract";
import { deployment } from "@kinsync/kind-deployment";
import { controllerUidOf, hasLabels, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { DEPLOYMENTS, PODS, REPLICA_SETS } from "../cluster/types.ts";
import { DeploymentController, hasTemplateOf, type Deployment } from "../controllers/deployment.ts";
import { syncReplicaSets } from "../controllers/replica-set.ts";
import { ROOT, type Course, type Expectation, type Oracle } from "../player/oracle.ts";
import { isBehind, relabelPod, RootDeeds } from "./deeds.ts";
import { pick } from "../player/pick.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";

const LABELS = { app: ROOT };
const IMAGES = ["a", "b", "c"];

/** A Deployment is at the ReplicaSet that its controller rolled to last; pods that others have are on their way out. */
export const deploymentOracle: Oracle = {
  name: "deployment",
  kind: deployment,
  start: (store) => new DeploymentCourse(store),
};

class DeploymentCourse implements Course {
  readonly #store: Store;
  readonly #controller: DeploymentController;
  readonly #root: RootDeeds<Deployment>;
  readonly controllers;
  readonly deciders = ["deployment"];
  readonly deeds;
  readonly isInDoubt = isBehind;

  constructor(store: Store) {
    this.#store = store;
    this.#controller = new DeploymentController(store);
    this.#root = new RootDeeds<Deployment>(store, (choice) => ({
      ...DEPLOYMENTS,
      metadata: { name: ROOT },
      spec: {
        replicas: 1 + (choice % 3),
        strategy: { type: "RollingUpdate" },
        selector: { matchLabels: LABELS },
        template: { labels: LABELS, image: pick(IMAGES, choice) },
      },
    }));
    this.controllers = {
      deployment: () => this.#controller.sync(),
      replicaset: () => syncReplicaSets(store),
    };
    this.deeds = {
      ...this.#root.deeds(),
      template: this.#root.change((choice, spec) => ({
        template: { ...spec.template, image: pick(IMAGES, choice) },
      })),
      restart: this.#root.change((choice, spec) => ({
        template: { ...spec.template, image: `${pick(IMAGES, choice)}${store.writes}` },
      })),
      scale: this.#root.change((choice) => ({ replicas: choice % 4 })),
      pause: this.#root.change((choice) => ({ paused: choice % 2 === 0 })),
      strategy: this.#root.change((choice) => ({
        strategy: { type: choice % 2 === 0 ? "Recreate" : "RollingUpdate" },
      })),
      "delete a replicaset": (choice: number) => {
        const set = pick(store.list(REPLICA_SETS), choice);
        const how = pick(["Background", "Foreground", "Orphan"] as const, Math.floor(choice / 8));
        if (set !== undefined) deleteObject(store, set, how);
      },
      relabel: relabelPod(store, "app"),
    };
  }

  expected(): Expectation {
    const root = this.#root.object;
    return root === undefined
      ? { targets: new Map() }
      : expectedOfDeployment(this.#store, this.#controller, root, this.#store.list(PODS).filter(isAlive));
  }

  finalCount(): number | undefined {
    const root = this.#root.object;
    if (root === undefined) return 0;
    return root.spec?.paused === true ? undefined : root.spec?.replicas;
  }
}

/**
 * The live pods of the ReplicaSet that the controller rolled to last.
 * @param alive live pods that may be the Deployment's
 */
export function expectedOfDeployment(
  store: Store,
  controller: DeploymentController,
  root: KubeObject & Deployment,
  alive: readonly KubeObject[],
): Expectation {
  const rolledTo = store.get(controller.rolledTo.get(root.metadata.uid));
  const pods = alive.filter((pod) => controllerUidOf(pod) === rolledTo?.metadata.uid);
  const isGone = rolledTo === undefined || isDeleting(rolledTo);
  // Until the old pods are gone nothing shows that they go, but that they go.
  const isRecreating =
    rolledTo !== undefined && root.spec?.strategy?.type === "Recreate" && !hasTemplateOf(rolledTo, root);
  const isOpen = isGone || isRecreating || isDeleting(root);
  // A pod that no longer fits is released, which is not a decision of this controller.
  const open = alive.filter((pod) => isOpen || !hasLabels(pod, root.spec?.selector?.matchLabels ?? {}));
  return {
    targets: new Map(isGone ? [] : pods.map(({ metadata }) => [metadata.uid, {}])),
    open: new Set(open.map(({ metadata }) => metadata.uid)),
  };
}
