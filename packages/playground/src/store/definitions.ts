import type { StatusCause } from "../status-error.ts";
import type { NewObject, StoredObject } from "../world.ts";
import { apiTime } from "./deletion.ts";
import { schemaProblems } from "./custom-schema.ts";
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
    readonly schema?: { readonly openAPIV3Schema?: object };
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

/** Every rule that a CustomResourceDefinition breaks; empty if its resource can be served. */
export function definitionProblems(definition: NewObject): StatusCause[] {
  const missing = missingInDefinition(definition);
  if (missing.length > 0) {
    return missing.map((field) => ({ reason: "FieldValueRequired", message: "Required value", field }));
  }
  const spec = definition.spec as unknown as DefinitionSpec;
  const name = definition.metadata.name ?? "";
  const causes: StatusCause[] = [];
  if (name !== `${spec.names.plural}.${spec.group}`) {
    causes.push({
      reason: "FieldValueInvalid",
      message: `Invalid value: "${name}": must be spec.names.plural+"."+spec.group`,
      field: "metadata.name",
    });
  }
  for (const [index, { schema }] of spec.versions.entries()) {
    if (schema?.openAPIV3Schema !== undefined) {
      causes.push(...schemaProblems(schema.openAPIV3Schema, `spec.versions[${index}].schema.openAPIV3Schema`));
    }
  }
  return causes;
}

/** Gives a valid CustomResourceDefinition the status of one whose resource is served. In place. */
export function establish(definition: NewObject): void {
  const custom = resourceOfDefinition(definition as StoredObject);
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
