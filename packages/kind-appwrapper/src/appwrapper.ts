import { defineKind, delegatedVerdict, ELIGIBLE_STATES, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Reason,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { componentsOf, resourcesOf, type AppWrapper } from "./components.ts";

const APP_WRAPPERS: RootType = {
  group: "workload.codeflare.dev",
  version: "v1beta2",
  kind: "AppWrapper",
  plural: "appwrappers",
};

/** Label that the controller injects into the pod templates of the components. */
const NAME = "workload.codeflare.dev/appwrapper";

/** Phases in which the controller deletes all components. */
const LEAVING: ReadonlySet<string> = new Set(["Resetting", "Suspending", "Suspended", "Terminating"]);

/**
 * The kind of AppWrappers. Each component is left to the kind of its own resource. A reset deletes all components and creates them again under
 * their names; it is not stamped on pods, so only UIDs tell the two apart (appwrapper `internal/controller/appwrapper`).
 */
export function appwrapper(): KindPlugin {
  return defineKind({ name: "appwrapper", needs: ["delegate", "labels"], root: APP_WRAPPERS, watches, judge });
}

function watches(root: KubeObject): WatchPlan {
  return {
    watches: resourcesOf(root).map((resource) => ({ resource, delegate: true, optional: true })),
    // Pods that are components themselves.
    pods: { labelSelector: `${NAME}=${root.metadata.name}` },
  };
}

function judge(view: KindView): Judgement {
  const { status }: AppWrapper = view.root;
  const leaving = leavingReason(view.root);
  return { pod: (owned) => judgePod(view, leaving, owned), notes: notesOf(view, status?.phase) };
}

/**
 * Why the components are being deleted. After a failure they are deleted at once, unless the condition says that they are held for debugging;
 * after a success when a time to live is over (appwrapper `internal/controller/appwrapper/appwrapper_controller.go`).
 */
function leavingReason(root: AppWrapper): Reason | undefined {
  const { metadata, status } = root;
  const phase = status?.phase;
  const deletion = status?.conditions?.find(({ type }) => type === "DeletingResources");
  const isFailed = phase === "Failed" && deletion?.reason !== "DeletionPaused";
  const isLeaving = isFailed || deletion?.status === "True" || (phase !== undefined && LEAVING.has(phase));
  if (!isLeaving && metadata.deletionTimestamp === undefined) return undefined;
  return {
    code: "components-deleted",
    message: `the AppWrapper is ${isLeaving ? (phase ?? "ending") : "being deleted"}, and its components are deleted`,
    evidence: { "status.phase": phase ?? null, "status.conditions DeletingResources": deletion?.status ?? null },
  };
}

function judgePod(view: KindView, leaving: Reason | undefined, owned: OwnedPod): Verdict {
  const component = owned.owners.at(-1);
  const verdict = delegatedVerdict(view, owned) ?? aliveVerdict(owned, component);
  const index = indexOf(view.root, component ?? owned.pod);
  const labels = index === undefined ? {} : { labels: { ...verdict.labels, component: String(index) } };
  // What the component's own controller has not observed yet changes nothing: the component goes.
  const wouldStay = ELIGIBLE_STATES.includes(verdict.state) || verdict.state === "unsettled";
  if (leaving === undefined || !wouldStay) return { ...verdict, ...labels };
  return { ...verdict, ...labels, state: "terminating", reason: leaving };
}

/** A pod that is a component itself, or one of a component that no kind supports. */
function aliveVerdict({ pod }: OwnedPod, component: KubeObject | undefined): Verdict {
  return (
    verdictOfInactivePod(pod) ?? {
      state: "current",
      reason:
        component === undefined
          ? { code: "component-pod", message: "it is a component of the AppWrapper, and it is alive" }
          : {
              code: "owned-and-alive",
              message: `${component.kind} ${component.metadata.name}, a component that no kind supports, owns it, and it is alive`,
            },
    }
  );
}

/** Place of the component among those of the spec. */
function indexOf(root: KubeObject, { kind, metadata }: Pick<KubeObject, "kind" | "metadata">): number | undefined {
  return componentsOf(root).find((each) => each.kind === kind && each.name === metadata.name)?.index;
}

function notesOf({ root, owned, rule }: KindView, phase: string | undefined): readonly Reason[] {
  const { status }: AppWrapper = root;
  const notes: Reason[] = [];
  const evidence = { "status.phase": phase ?? null, "status.resettingCount": status?.resettingCount ?? 0 };
  if (phase === "Suspended" || phase === "Suspending") {
    notes.push({
      code: "appwrapper-suspended",
      message: "the AppWrapper is suspended: its components are deleted until it is admitted",
      evidence,
    });
  } else if (phase === "Resetting") {
    notes.push({
      code: "appwrapper-resetting",
      message: "the AppWrapper is being reset: its components are deleted and created again",
      evidence,
    });
  } else if (phase === "Succeeded" || phase === "Failed") {
    notes.push({ code: "appwrapper-finished", message: `the AppWrapper has ended: ${phase}`, evidence });
  }
  return [...notes, ...owned.flatMap((component) => rule(component)?.notes ?? [])].filter(
    ({ code }) => code !== "controlled-by-another",
  );
}
