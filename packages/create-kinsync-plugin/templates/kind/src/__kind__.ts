import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type { KindPlugin, Verdict } from "@kinsync/core/contract";

/** The objects between a __Kind__ and its pods. The root and pods are always watched. */
const JOBS = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
/** Label of a pod: the revision of the __Kind__ that it was created for. */
const REVISION = "__group__/revision";
/** Label of a pod: its part of the __Kind__, such as `web`. */
const PART = "__group__/part";

/** Kind of __Kind__: pods are current whose revision is that of `status.revision`. TODO: link to the line of your controller's source. */
export function __factory__(): KindPlugin {
  return defineKind({
    name: "__kind__",
    root: { group: "__group__", version: "__version__", kind: "__Kind__", plural: "__plural__" },
    watches: () => ({ watches: [{ resource: JOBS }] }),
    // Called when the root or an owned object changed: prepare here what all pods have in common.
    judge: ({ root }) => {
      const desired = textOf(root.status?.["revision"]);
      return {
        pod: ({ pod }) => {
          const { labels = {} } = pod.metadata;
          const role = labels[PART];
          return {
            ...(verdictOfInactivePod(pod) ?? verdictOfRevision(labels[REVISION], desired)),
            ...(role === undefined ? {} : { role }),
          };
        },
      };
    },
  });
}

function verdictOfRevision(revision: string | undefined, desired: string | undefined): Verdict {
  const evidence = { [`label ${REVISION}`]: revision ?? null, "status.revision": desired ?? null };
  if (revision === undefined || desired === undefined) {
    const message = "the revision of the pod or of the __Kind__ is not known";
    return { state: "unsettled", reason: { code: "revision-unknown", message, evidence } };
  }
  if (revision === desired) {
    return { state: "current", reason: { code: "revision-current", message: `it is of revision ${revision}`, evidence } };
  }
  const message = `it is of revision ${revision}, the __Kind__ is at ${desired}`;
  return { state: "superseded", reason: { code: "revision-other", message, evidence } };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
