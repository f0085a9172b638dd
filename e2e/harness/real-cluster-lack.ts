import { readdir, readFile } from "node:fs/promises";
import type { V1NodeSpec, V1NodeStatus } from "@kubernetes/client-node";
import type { ImageName } from "../images/image-names.ts";
import { execute } from "./command.ts";
import { jobSet, replicatedJob } from "./jobset-manifests.ts";
import type { Kubectl } from "./kubectl.ts";
import { SPARE_TAINT } from "./labels.ts";
import { container, podSpec } from "./manifests.ts";
import type { Need } from "./needs.ts";
import type { KubeObject } from "./objects.ts";
import type { Settings } from "./settings.ts";

/** Why a real cluster does not meet a need, `undefined` if it does. */
export async function realClusterLack(settings: Settings, kubectl: Kubectl, need: Need): Promise<string | undefined> {
  switch (need) {
    case "paths":
    case "rbac":
    case "real":
      return undefined;
    case "control":
      return settings.control ? undefined : "killing processes of the node requires the option --control";
    case "crds":
      return settings.control ? undefined : "creating CRDs requires the option --control";
    case "jobset":
      return jobSetLack(kubectl);
    case "jobset-gates":
      return jobSetGatesLack(kubectl);
    case "nodes:2": {
      const { length } = (await kubectl.list<Node>("nodes")).filter(acceptsPods);
      return length >= 2 ? undefined : `the cluster has ${length} nodes that accept pods`;
    }
    case "node-files":
      return (await seesKubelet()) ? undefined : "no kubelet runs on this machine, and the image has no tar";
    default: {
      const { reference, isNamed } = settings.images[need.slice("image:".length) as ImageName];
      // Nodes can pull an image that the user named. A node lists neither images that it has yet to pull, nor more than 50.
      if (isNamed) return undefined;
      const without = (await kubectl.list<Node>("nodes")).filter(
        (node) => acceptsPods(node) && !hasImage(node, reference),
      );
      const names = without.map(({ metadata }) => metadata.name);
      return names.length === 0 ? undefined : `the image ${reference} is not on ${names.join(", ")}`;
    }
  }
}

async function jobSetLack(kubectl: Kubectl): Promise<string | undefined> {
  const { code, stderr } = await execute([...kubectl.argv, "get", "--raw", "/apis/jobset.x-k8s.io/v1alpha2"]);
  if (code === 0) return undefined;
  // A cluster that does not answer is an error, not a reason to skip.
  if (!stderr.includes("NotFound")) throw new Error(`the resources of the cluster cannot be read: ${stderr}`);
  return "the cluster has no JobSet controller";
}

async function jobSetGatesLack(kubectl: Kubectl): Promise<string | undefined> {
  const dryRun = [...kubectl.argv, "create", "--namespace", "default", "--dry-run=server", "-f", "-"];
  const { code, stderr } = await execute(dryRun, { input: JSON.stringify(NEEDS_GATES) });
  if (code === 0) return undefined;
  if (!/feature gate|no matches for kind/.test(stderr)) throw new Error(`the JobSet gates cannot be tested: ${stderr}`);
  return "the cluster has no JobSet controller with open alpha gates";
}

/** Rejected if the gate RestartJob is closed. ElasticJobSet, which cannot be tested without a JobSet, is opened together with it. */
const NEEDS_GATES = jobSet("gates", [replicatedJob("a", 1, podSpec(container("none")))], {
  failurePolicy: { rules: [{ name: "alone", action: "RestartJob" }] },
});

interface Node extends KubeObject {
  readonly spec: Pick<V1NodeSpec, "unschedulable"> & {
    readonly taints?: readonly { readonly key: string; readonly effect: string }[];
  };
  readonly status: Pick<V1NodeStatus, "images">;
}

function acceptsPods({ spec: { unschedulable = false, taints = [] } }: Node): boolean {
  return !unschedulable && taints.every(({ key, effect }) => key === SPARE_TAINT || effect === "PreferNoSchedule");
}

function hasImage({ status: { images = [] } }: Node, reference: string): boolean {
  return images.some(({ names = [] }) => names.includes(reference));
}

/** True for root on the node itself, and on a machine whose containers are nodes. */
async function seesKubelet(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if ((await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")) === "kubelet\n") return true;
  }
  return false;
}
