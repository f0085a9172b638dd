import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubernetesObject } from "@kubernetes/client-node";
import type { Fixture } from "./fixture.ts";
import { deployment, gated, indexedJob } from "./manifests.ts";
import type { KubeObject } from "./objects.ts";

/** The CRD of the situations about rules. No controller of any cluster knows it: `reconcileStudio` plays its own. */
const STUDIOS = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "studios.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { kind: "Studio", plural: "studios", singular: "studio" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

/** Rules of the example: the whole kind. */
const RULES = join(import.meta.dirname, "../../examples/rules/studio.kind.yaml");

/** What a Studio runs: version of each Deployment. */
export interface StudioSpec {
  readonly api: string;
  readonly web: string;
}

interface Studio extends KubeObject {
  readonly spec: StudioSpec & Readonly<Record<string, unknown>>;
}

/** None of the old pods is deleted before a new one is ready, and two new ones are created at once. */
const SURGE = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } } };

/** Serves Studios, and writes the rules for them beside the config of the situation. */
export async function serveStudios({ kubectl, project }: Fixture): Promise<void> {
  await kubectl.run(["apply", "-f", "-"], { input: JSON.stringify(STUDIOS) });
  await kubectl.run(["wait", "--for=condition=Established", "--timeout=60s", "crd/studios.example.com"]);
  await project.write("kinds/studio.kind.yaml", await readFile(RULES, "utf8"));
}

/** Creates a Studio and what its controller makes of it. */
export async function createStudio(fixture: Fixture, name: string, spec: StudioSpec): Promise<void> {
  const studio: KubernetesObject & { readonly spec: StudioSpec } = {
    apiVersion: "example.com/v1",
    kind: "Studio",
    metadata: { name },
    spec,
  };
  await fixture.create(studio);
  const { metadata } = await fixture.kubectl.get(`studio/${name}`);
  await fixture.create(...childrenOf(name, metadata.uid, spec, fixture.cluster.image));
}

/** Changes the spec of a Studio, and does what its controller would do: it patches the Deployments whose version differs. */
export async function changeStudio(
  { kubectl, cluster }: Fixture,
  name: string,
  spec: Partial<StudioSpec>,
): Promise<void> {
  await kubectl.patch(`studio/${name}`, { spec });
  const { spec: desired } = await kubectl.get<Studio>(`studio/${name}`);
  for (const part of ["api", "web"] as const) {
    const template = { spec: gated(cluster.image, desired[part]) };
    await kubectl.patch(`deployment/${name}-${part}`, { spec: { template } });
  }
}

/** Label selector of the pods of a part of a Studio. */
export function ofPart(name: string, part: "api" | "web" | "seed"): string {
  return `app=${name}-${part}`;
}

/** Two Deployments and a Job, owned by the Studio. */
function childrenOf(name: string, uid: string, spec: StudioSpec, image: string): readonly KubernetesObject[] {
  const owner = { apiVersion: "example.com/v1", kind: "Studio", name, uid, controller: true };
  const owned = (part: string, object: KubernetesObject): KubernetesObject => ({
    ...object,
    metadata: { name: `${name}-${part}`, labels: { part }, ownerReferences: [owner] },
  });
  const seed = `${name}-seed`;
  return [
    owned("api", deployment(`${name}-api`, 2, gated(image, spec.api), SURGE)),
    owned("web", deployment(`${name}-web`, 3, gated(image, spec.web), SURGE)),
    owned("seed", indexedJob(seed, 1, gated(image, "1"), { app: seed })),
  ];
}
