import type { KubeObject } from "@kinsync/core/contract";
import { appwrapper } from "@kinsync/kind-appwrapper";
import { deployment } from "@kinsync/kind-deployment";
import { job } from "@kinsync/kind-job";
import { jobset } from "@kinsync/kind-jobset";
import { isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { APP_WRAPPERS, DEPLOYMENTS, JOB_SETS, JOBS, PODS } from "../cluster/types.ts";
import { componentsOf, leave, syncAppWrappers, type AppWrapper, type Component } from "../controllers/app-wrapper.ts";
import { DeploymentController } from "../controllers/deployment.ts";
import { syncJobs } from "../controllers/job.ts";
import { JobSetController } from "../controllers/job-set.ts";
import { syncReplicaSets } from "../controllers/replica-set.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, RootDeeds } from "./deeds.ts";
import { expectedOfDeployment } from "./deployment.ts";
import { expectedOfJob } from "./job.ts";
import { expectedOfJobSet, jobDeeds, jobSetSpec } from "./job-set.ts";

const LABELS = { app: "serve" };
const IMAGES = ["a", "b", "c"];

/** What counts of each component, unless the AppWrapper removes its components. */
export const appWrapperOracle: Oracle = {
  name: "appwrapper",
  kind: appwrapper,
  children: () => [deployment(), job(), jobset()],
  start,
};

function componentOf(choice: number): Component {
  const components: readonly Component[] = [
    {
      ...DEPLOYMENTS,
      metadata: { name: "serve" },
      spec: {
        replicas: 2,
        strategy: { type: "RollingUpdate" },
        selector: { matchLabels: LABELS },
        template: { labels: LABELS, image: "a" },
      },
    },
    {
      ...JOBS,
      metadata: { name: "seed" },
      spec: { parallelism: 2, completions: 2, completionMode: "Indexed", backoffLimit: 1 },
    },
    { ...JOB_SETS, metadata: { name: "fit" }, spec: jobSetSpec(choice) },
  ];
  return pick(components, choice) as Component;
}

function start(store: Store): Course {
  const deployments = new DeploymentController(store);
  const jobSets = new JobSetController(store);
  const root = new RootDeeds<AppWrapper>(store, (choice) => ({
    ...APP_WRAPPERS,
    metadata: { name: ROOT },
    spec: { suspend: false, components: [choice, choice + 1].map((each) => ({ template: componentOf(each) })) },
  }));
  return {
    controllers: {
      appwrapper: () => syncAppWrappers(store),
      deployment: () => deployments.sync(),
      replicaset: () => syncReplicaSets(store),
      jobset: () => jobSets.sync(),
      job: () => syncJobs(store),
    },
    deciders: ["appwrapper", "deployment", "jobset", "job"],
    deeds: {
      ...root.deeds(),
      ...jobDeeds(store),
      suspend: root.change((choice) => ({ suspend: choice % 2 === 0 })),
      // A component has failed, and the controller begins again.
      reset: () => {
        const { object } = root;
        if (object?.status?.phase === "Running" && !isDeleting(object)) leave(store, object, "Resetting");
      },
      "roll a component": (choice) => {
        const found = pick(store.list(DEPLOYMENTS), choice);
        if (found === undefined) return;
        const template = { ...(found.spec?.["template"] as object), image: pick(IMAGES, Math.floor(choice / 4)) };
        store.patch(found.metadata.uid, { spec: { template } });
      },
    },
    isOwnerInDoubt: (owner) => owner.kind === "Deployment" && isBehind(owner),
    expected: () => expected(store, root.object, deployments, jobSets),
  };
}

function expected(
  store: Store,
  root: (KubeObject & AppWrapper) | undefined,
  deployments: DeploymentController,
  jobSets: JobSetController,
): Expectation {
  const targets = new Map<string, Place>();
  const alive = store.list(PODS).filter(isAlive);
  const open = new Set<string>(root === undefined || isDeleting(root) ? alive.map(({ metadata }) => metadata.uid) : []);
  const isServing = ["Resuming", "Running"].includes(root?.status?.phase ?? "");
  const components = root === undefined || !isServing ? [] : componentsOf(store, root);
  for (const [index, component] of components.entries()) {
    if (component === undefined || isDeleting(component)) continue;
    const ofComponent =
      component.kind === "Deployment"
        ? expectedOfDeployment(
            store,
            deployments,
            component,
            alive.filter(({ metadata }) => metadata.labels?.["app"] === "serve"),
          )
        : component.kind === "Job"
          ? expectedOfJob(store, component)
          : expectedOfJobSet(store, jobSets, component);
    for (const [uid, place] of ofComponent.targets)
      targets.set(uid, { ...place, labels: { component: String(index) } });
    for (const uid of ofComponent.open ?? []) open.add(uid);
  }
  return { targets, open };
}
