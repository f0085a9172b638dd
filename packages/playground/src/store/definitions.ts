import { invalid } from "../status-error.ts";
import type { NewObject, StoredObject } from "../world.ts";
import { apiTime } from "./deletion.ts";
import type { PrinterColumn, ResourceType } from "./resources.ts";

/** The resource of the definitions themselves. */
export const DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io";

interface DefinitionSpec {
  readonly group: string;
  readonly scope?: string;
  readonly names: {
    readonly plural: string;
    readonly singular?: string;
    readonly kind: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly {
    readonly name: string;
    readonly served?: boolean;
    readonly storage?: boolean;
    readonly schema?: { readonly openAPIV3Schema?: unknown };
    readonly subresources?: {
      readonly status?: object;
      readonly scale?: {
        readonly specReplicasPath: string;
        readonly statusReplicasPath: string;
        readonly labelSelectorPath?: string;
      };
    };
    readonly additionalPrinterColumns?: readonly PrinterColumn[];
  }[];
}

/** What is missing in a CustomResourceDefinition's spec to serve it, as field paths. */
function missingInDefinition(definition: { readonly spec?: Record<string, unknown> }): string[] {
  const spec = (definition.spec ?? {}) as unknown as Partial<DefinitionSpec>;
  return [
    ...(spec.group === undefined || spec.group === "" ? ["spec.group"] : []),
    ...(spec.names?.plural === undefined ? ["spec.names.plural"] : []),
    ...(spec.names?.kind === undefined ? ["spec.names.kind"] : []),
    ...(spec.versions?.some((version) => version.storage === true) === true ? [] : ["spec.versions"]),
  ];
}

/** The resource that a CustomResourceDefinition declares. */
export function resourceOfDefinition(definition: StoredObject): ResourceType {
  const spec = definition.spec as unknown as DefinitionSpec;
  const served = spec.versions.filter((version) => version.served !== false);
  const storage = spec.versions.find((version) => version.storage === true) ?? spec.versions[0];
  const storageVersion = storage?.name ?? "v1";
  const scale = storage?.subresources?.scale;
  const strip = (path: string): string => path.replace(/^\./, "");
  return {
    name: `${spec.names.plural}.${spec.group}`,
    group: spec.group,
    versions: served
      .map((version) => version.name)
      .sort((a, b) => Number(b === storageVersion) - Number(a === storageVersion)),
    storageVersion,
    plural: spec.names.plural,
    singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
    kind: spec.names.kind,
    namespaced: spec.scope !== "Cluster",
    shortNames: spec.names.shortNames ?? [],
    categories: spec.names.categories ?? [],
    status: storage?.subresources?.status !== undefined,
    generation: true,
    ...(scale === undefined
      ? {}
      : {
          scale: {
            specReplicas: strip(scale.specReplicasPath),
            statusReplicas: strip(scale.statusReplicasPath),
            ...(scale.labelSelectorPath === undefined ? {} : { selector: strip(scale.labelSelectorPath) }),
          },
        }),
    columns: Object.fromEntries(
      spec.versions.flatMap((version) =>
        version.additionalPrinterColumns === undefined ? [] : [[version.name, version.additionalPrinterColumns]],
      ),
    ),
    schemas: Object.fromEntries(
      spec.versions.flatMap((version) =>
        version.schema?.openAPIV3Schema === undefined ? [] : [[version.name, version.schema.openAPIV3Schema]],
      ),
    ),
  };
}

/**
 * Checks a CustomResourceDefinition and gives it the status of one that is served. In place.
 * Throws 422 where something is missing, or the name is not `plural.group`.
 */
export function establish(type: ResourceType, definition: NewObject): void {
  const name = definition.metadata.name ?? "";
  const missing = missingInDefinition(definition);
  if (missing.length > 0) {
    throw invalid(
      type,
      name,
      missing.map((field) => ({ reason: "FieldValueRequired", message: "Required value", field })),
    );
  }
  const custom = resourceOfDefinition(definition as StoredObject);
  if (custom.name !== name) {
    throw invalid(type, name, [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: "${name}": must be spec.names.plural+"."+spec.group`,
        field: "metadata.name",
      },
    ]);
  }
  const holds = (condition: string, reason: string, message: string): Record<string, string> => ({
    type: condition,
    status: "True",
    reason,
    message,
    lastTransitionTime: apiTime(),
  });
  definition.status = {
    acceptedNames: definition.spec?.["names"],
    storedVersions: [custom.storageVersion],
    conditions: [
      holds("NamesAccepted", "NoConflicts", "no conflicts found"),
      holds("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ],
  };
}
