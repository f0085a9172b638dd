import type { ResourceName } from "../world.ts";
import type { BuiltIn } from "./built-in-resource.ts";
import { CUSTOM_RESOURCES } from "./custom-resources.ts";

/** A column of `kubectl get`, from a CustomResourceDefinition's `additionalPrinterColumns`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly description?: string;
  /** 0: always shown; higher: only with `-o wide`. */
  readonly priority?: number;
  readonly jsonPath: string;
}

/** One kind of object that the API serves. */
export interface ResourceType {
  /** Key of the store: `plural.group`, or the bare plural in the core group. */
  readonly name: ResourceName;
  /** Empty for the core group. */
  readonly group: string;
  /** Served versions, the preferred one first. Objects are stored in `storageVersion`. */
  readonly versions: readonly string[];
  readonly storageVersion: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Has a status subresource: a write of the main resource keeps `status`, a write of the status keeps the rest. */
  readonly status: boolean;
  /** Has `metadata.generation`. */
  readonly generation: boolean;
  /** Dotted paths of the numbers in the scale subresource; missing if there is none. */
  readonly scale?: { readonly specReplicas: string; readonly statusReplicas: string; readonly selector?: string };
  /** Columns by version, of custom resources. */
  readonly columns?: Readonly<Record<string, readonly PrinterColumn[]>>;
  /** Structural schemas by version, of custom resources: objects get their defaults and must conform to them. */
  readonly schemas?: Readonly<Record<string, object>>;
}

const SCALE = { specReplicas: "spec.replicas", statusReplicas: "status.replicas" } as const;

const BUILT_IN: readonly BuiltIn[] = [
  { plural: "pods", kind: "Pod", shortNames: ["po"], all: true, status: true, generation: true },
  { plural: "namespaces", kind: "Namespace", shortNames: ["ns"], namespaced: false, status: true },
  { plural: "nodes", kind: "Node", shortNames: ["no"], namespaced: false, status: true },
  { plural: "events", kind: "Event", shortNames: ["ev"] },
  { plural: "services", kind: "Service", shortNames: ["svc"], all: true, status: true },
  { plural: "configmaps", kind: "ConfigMap", shortNames: ["cm"] },
  { plural: "secrets", kind: "Secret" },
  { plural: "serviceaccounts", kind: "ServiceAccount", shortNames: ["sa"] },
  {
    plural: "replicationcontrollers",
    kind: "ReplicationController",
    shortNames: ["rc"],
    all: true,
    status: true,
    generation: true,
    scale: true,
  },
  {
    group: "apps",
    plural: "replicasets",
    kind: "ReplicaSet",
    shortNames: ["rs"],
    all: true,
    status: true,
    generation: true,
    scale: true,
  },
  {
    group: "apps",
    plural: "deployments",
    kind: "Deployment",
    shortNames: ["deploy"],
    all: true,
    status: true,
    generation: true,
    scale: true,
  },
  {
    group: "apps",
    plural: "statefulsets",
    kind: "StatefulSet",
    shortNames: ["sts"],
    all: true,
    status: true,
    generation: true,
    scale: true,
  },
  {
    group: "apps",
    plural: "daemonsets",
    kind: "DaemonSet",
    shortNames: ["ds"],
    all: true,
    status: true,
    generation: true,
  },
  { group: "apps", plural: "controllerrevisions", kind: "ControllerRevision" },
  { group: "batch", plural: "jobs", kind: "Job", all: true, status: true, generation: true },
  {
    group: "batch",
    plural: "cronjobs",
    kind: "CronJob",
    shortNames: ["cj"],
    all: true,
    status: true,
    generation: true,
  },
  {
    group: "jobset.x-k8s.io",
    version: "v1alpha2",
    plural: "jobsets",
    kind: "JobSet",
    status: true,
    generation: true,
  },
  {
    group: "apiextensions.k8s.io",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    shortNames: ["crd", "crds"],
    namespaced: false,
    status: true,
    generation: true,
  },
];

function fromBuiltIn(entry: BuiltIn): ResourceType {
  const group = entry.group ?? "";
  const version = entry.version ?? "v1";
  return {
    name: group === "" ? entry.plural : `${entry.plural}.${group}`,
    group,
    versions: [version],
    storageVersion: version,
    plural: entry.plural,
    singular: entry.kind.toLowerCase(),
    kind: entry.kind,
    namespaced: entry.namespaced ?? true,
    shortNames: entry.shortNames ?? [],
    categories: entry.all === true ? ["all"] : [],
    status: entry.status ?? false,
    generation: entry.generation ?? false,
    ...(entry.scale === true ? { scale: SCALE } : {}),
  };
}

/** `apps/v1` -> `["apps", "v1"]`, `v1` -> `["", "v1"]`. */
export function splitApiVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf("/");
  return slash === -1 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

/** The `apiVersion` of a resource's objects in the given version; the stored one by default. */
export function apiVersionOf(resource: ResourceType, version = resource.storageVersion): string {
  return resource.group === "" ? version : `${resource.group}/${version}`;
}

/** The served resources: built-in ones, and those of CustomResourceDefinitions. */
export class ResourceTable {
  readonly #byName = new Map<ResourceName, ResourceType>();
  readonly #builtIn = new Map<ResourceName, ResourceType>();

  constructor() {
    for (const entry of [...BUILT_IN, ...CUSTOM_RESOURCES]) {
      const resource = fromBuiltIn(entry);
      this.#byName.set(resource.name, resource);
      this.#builtIn.set(resource.name, resource);
    }
  }

  all(): ResourceType[] {
    return [...this.#byName.values()];
  }

  get(name: ResourceName): ResourceType | undefined {
    return this.#byName.get(name);
  }

  /** By the parts of a request's path; the version must be a served one. */
  served(group: string, version: string, plural: string): ResourceType | undefined {
    const resource = this.#byName.get(group === "" ? plural : `${plural}.${group}`);
    return resource?.versions.includes(version) === true ? resource : undefined;
  }

  /** By an object's apiVersion and kind. */
  ofKind(apiVersion: string, kind: string): ResourceType | undefined {
    const [group, version] = splitApiVersion(apiVersion);
    return this.all().find(
      (resource) => resource.group === group && resource.kind === kind && resource.versions.includes(version),
    );
  }

  register(resource: ResourceType): void {
    this.#byName.set(resource.name, resource);
  }

  /** Removes a custom resource; a built-in one that it replaced is served again. */
  unregister(name: ResourceName): void {
    const builtIn = this.#builtIn.get(name);
    if (builtIn === undefined) {
      this.#byName.delete(name);
    } else {
      this.#byName.set(name, builtIn);
    }
  }
}
