import type { NewObject } from "../world.ts";
import type { ResourceType } from "./resources.ts";

type Fields = Record<string, unknown>;

function fill(into: Fields, defaults: Fields): void {
  for (const [field, value] of Object.entries(defaults)) {
    into[field] ??= value;
  }
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function fillContainers(list: unknown): void {
  for (const entry of Array.isArray(list) ? list : []) {
    const container = asFields(entry);
    if (container !== undefined) {
      const image = typeof container["image"] === "string" ? container["image"] : "";
      const tag = /:([^:/]+)$/.exec(image)?.[1];
      fill(container, {
        imagePullPolicy: tag === undefined || tag === "latest" ? "Always" : "IfNotPresent",
        resources: {},
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
      });
    }
  }
}

function fillPodSpec(spec: Fields | undefined): void {
  if (spec === undefined) {
    return;
  }
  fill(spec, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    securityContext: {},
  });
  fillContainers(spec["initContainers"]);
  fillContainers(spec["containers"]);
}

function templateOf(spec: Fields): Fields {
  const template = asFields(spec["template"]) ?? {};
  spec["template"] = template;
  return template;
}

function fillJob(spec: Fields, name: string, uid: string): void {
  const parallelism = spec["parallelism"];
  if (spec["completions"] === undefined && parallelism === undefined) {
    fill(spec, { completions: 1, parallelism: 1 });
  }
  fill(spec, { parallelism: 1, backoffLimit: 6, completionMode: "NonIndexed", suspend: false });
  if (spec["manualSelector"] !== true) {
    // The API server, not the controller, sets a Job's selector: by uid, so that it does not match a new Job of the same name.
    const template = templateOf(spec);
    const metadata = asFields(template["metadata"]) ?? {};
    template["metadata"] = metadata;
    const labels = asFields(metadata["labels"]) ?? {};
    metadata["labels"] = labels;
    fill(labels, {
      "batch.kubernetes.io/controller-uid": uid,
      "batch.kubernetes.io/job-name": name,
      "controller-uid": uid,
      "job-name": name,
    });
    fill(spec, { selector: { matchLabels: { "batch.kubernetes.io/controller-uid": uid } } });
  }
}

/** A Job without labels gets those of its pods. */
function labelJob(object: NewObject): void {
  const labels = asFields(asFields(asFields(object.spec?.["template"])?.["metadata"])?.["labels"]);
  if (Object.keys(object.metadata.labels ?? {}).length === 0 && labels !== undefined) {
    object.metadata.labels = { ...labels } as Record<string, string>;
  }
}

/** The defaults of JobSet's webhooks. */
function fillJobSet(spec: Fields): void {
  fill(spec, { startupPolicy: { startupPolicyOrder: "AnyOrder" }, suspend: false });
  spec["successPolicy"] ??= { operator: "All" };
  const network = asFields(spec["network"]) ?? {};
  fill(network, { enableDNSHostnames: true, publishNotReadyAddresses: true });
  spec["network"] = network;
  for (const entry of Array.isArray(spec["replicatedJobs"]) ? spec["replicatedJobs"] : []) {
    const replicated = asFields(entry);
    if (replicated === undefined) {
      continue;
    }
    fill(replicated, { replicas: 1, groupName: "default" });
    const job = asFields(asFields(replicated["template"])?.["spec"]);
    if (job !== undefined) {
      fill(job, { completionMode: "Indexed" });
      const pod = asFields(templateOf(job)["spec"]);
      if (pod !== undefined) {
        fill(pod, { restartPolicy: "OnFailure" });
      }
    }
  }
}

/**
 * Fills in the defaults of the real API server and of JobSet's webhooks, in place: only those that controllers, kubelet
 * and clients read. `object.metadata` must have its name and uid.
 */
export function applyDefaults(resource: ResourceType, object: NewObject): void {
  const spec = (object.spec ?? {}) as Fields;
  switch (resource.name) {
    case "pods":
      fillPodSpec(object.spec);
      object.status = { phase: "Pending", qosClass: "BestEffort", ...object.status };
      break;
    case "namespaces": {
      const name = object.metadata.name ?? "";
      object.metadata.labels = { ...object.metadata.labels, "kubernetes.io/metadata.name": name };
      object.spec = { ...spec, finalizers: ["kubernetes"] };
      object.status = { phase: "Active", ...object.status };
      break;
    }
    case "deployments.apps":
      fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
      fill((spec["strategy"] ??= {}) as Fields, { type: "RollingUpdate" });
      if (asFields(spec["strategy"])?.["type"] === "RollingUpdate") {
        fill(spec["strategy"] as Fields, { rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } });
      }
      break;
    case "replicasets.apps":
      fill(spec, { replicas: 1 });
      break;
    case "statefulsets.apps":
      fill(spec, { replicas: 1, podManagementPolicy: "OrderedReady", revisionHistoryLimit: 10, serviceName: "" });
      fill((spec["updateStrategy"] ??= {}) as Fields, { type: "RollingUpdate" });
      if (asFields(spec["updateStrategy"])?.["type"] === "RollingUpdate") {
        fill(spec["updateStrategy"] as Fields, { rollingUpdate: { partition: 0 } });
      }
      break;
    case "jobs.batch":
      fillJob(spec, object.metadata.name ?? "", object.metadata.uid ?? "");
      labelJob(object);
      break;
    case "jobsets.jobset.x-k8s.io":
      fillJobSet(spec);
      break;
    case "services":
      fill(spec, { type: "ClusterIP", clusterIP: "None", sessionAffinity: "None" });
      object.spec = spec;
      break;
    default:
  }
  if (resource.group === "apps" || resource.name === "jobs.batch") {
    fillPodSpec(asFields(asFields(spec["template"])?.["spec"]));
  }
}
