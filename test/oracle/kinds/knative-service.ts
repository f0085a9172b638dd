import type { KubeObject } from "@kinsync/core/contract";
import { deployment } from "@kinsync/kind-deployment";
import { knativeservice } from "@kinsync/kind-knative";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { DEPLOYMENTS, KNATIVE_SERVICES, PODS, REVISIONS } from "../cluster/types.ts";
import { DeploymentController } from "../controllers/deployment.ts";
import { isServing, revisionsOf, syncKnativeServices, type KnativeService } from "../controllers/knative-service.ts";
import { syncReplicaSets } from "../controllers/replica-set.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, RootDeeds } from "./deeds.ts";
import { expectedOfDeployment } from "./deployment.ts";

const IMAGES = ["a", "b", "c"];

/** Of each revision that takes traffic or is to take it, the pods that its Deployment rolled to. */
export const knativeServiceOracle: Oracle = {
  name: "knative-service",
  kind: knativeservice,
  children: () => [deployment()],
  start,
};

function start(store: Store): Course {
  const deployments = new DeploymentController(store);
  const root = new RootDeeds<KnativeService>(store, (choice) => ({
    ...KNATIVE_SERVICES,
    metadata: { name: ROOT },
    spec: { image: pick(IMAGES, choice) },
  }));
  const revisions = (): readonly string[] =>
    (root.object === undefined ? [] : revisionsOf(store, root.object)).map(({ metadata }) => metadata.name);
  return {
    controllers: {
      service: () => syncKnativeServices(store),
      deployment: () => deployments.sync(),
      replicaset: () => syncReplicaSets(store),
    },
    deciders: ["service", "deployment"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice) => ({ image: pick(IMAGES, choice) })),
      traffic: root.change((choice) => ({ traffic: trafficFor(revisions(), choice) })),
      // The controller does so when it is upgraded.
      "roll a deployment": (choice) => {
        const found = pick(store.list(DEPLOYMENTS), choice);
        if (found === undefined) return;
        const image = `queue-${Math.floor(choice / 8) % 3}`;
        store.patch(found.metadata.uid, { spec: { template: { ...(found.spec?.["template"] as object), image } } });
      },
      "delete a revision": (choice) => {
        const found = pick(store.list(REVISIONS), choice);
        if (found !== undefined) deleteObject(store, found, pick(["Background", "Foreground"], Math.floor(choice / 8)));
      },
      "delete a deployment": (choice) => {
        const found = pick(store.list(DEPLOYMENTS), choice);
        if (found !== undefined) deleteObject(store, found, pick(["Background", "Foreground"], Math.floor(choice / 8)));
      },
    },
    isInDoubt: isBehind,
    isOwnerInDoubt: (owner) => owner.kind === "Deployment" && isBehind(owner),
    expected: () => expected(store, root.object, deployments),
  };
}

/** Some of the revisions by name, the newest one by being the newest, and one of them reached by its tag or not at all. */
function trafficFor(revisions: readonly string[], choice: number): readonly object[] | undefined {
  const named = revisions.filter((_, at) => Math.floor(choice / 2 ** at) % 2 === 1);
  const targets = [
    ...named.map((revisionName) => ({ revisionName })),
    ...(Math.floor(choice / 64) % 2 === 1 ? [{ latestRevision: true }] : []),
  ];
  if (targets.length === 0) return undefined;
  const tag = Math.floor(choice / 128) % 2 === 1 ? { tag: "other" } : {};
  return targets.map((target, at) => {
    return at > 0 && at === targets.length - 1
      ? { ...target, percent: 0, ...tag }
      : { ...target, percent: Math.round(100 / targets.length) };
  });
}

function expected(
  store: Store,
  root: (KubeObject & KnativeService) | undefined,
  controller: DeploymentController,
): Expectation {
  const targets = new Map<string, Place>();
  const alive = store.list(PODS).filter(isAlive);
  const open = new Set<string>(root === undefined || isDeleting(root) ? alive.map(({ metadata }) => metadata.uid) : []);
  if (root === undefined) return { targets, open };
  for (const revision of revisionsOf(store, root)) {
    const { name, uid } = revision.metadata;
    if (!isServing(root, name) || isDeleting(revision)) continue;
    for (const found of store.ownedBy(uid, DEPLOYMENTS)) {
      if (isDeleting(found)) continue;
      const own = alive.filter(({ metadata }) => metadata.labels?.["serving.knative.dev/revisionUID"] === uid);
      const ofDeployment = expectedOfDeployment(store, controller, found, own);
      for (const each of ofDeployment.targets.keys()) targets.set(each, {});
      for (const each of ofDeployment.open ?? []) open.add(each);
    }
  }
  return { targets, open };
}
