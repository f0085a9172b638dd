import { apiVersionOf } from "../store/resources.ts";
import type { PrinterColumn, ResourceType } from "../store/resources.ts";
import type { StoredObject } from "../world.ts";
import { ageOf, cellsOfKind } from "./columns.ts";
import type { Column } from "./columns.ts";
import { findByPath } from "./json-path.ts";

/** An object's metadata, as `PartialObjectMetadata`. */
export function metadataOnly(object: StoredObject): Record<string, unknown> {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

const NAME: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  priority: 0,
  cell: (object) => object.metadata.name,
};

const AGE: Column = {
  name: "Age",
  type: "string",
  format: "",
  description: "Time since the object was made.",
  priority: 0,
  cell: (object) => ageOf(object.metadata.creationTimestamp),
};

const JOB_SET: readonly PrinterColumn[] = [
  { name: "TerminalState", type: "string", jsonPath: ".status.terminalState", description: "Final state of JobSet" },
  { name: "Restarts", type: "string", jsonPath: ".status.restarts", description: "Number of restarts" },
  { name: "Completed", type: "string", jsonPath: '.status.conditions[?(@.type=="Completed")].status' },
  { name: "Suspended", type: "string", jsonPath: ".spec.suspend", description: "JobSet suspended" },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time this JobSet was created" },
];

function printed({ name, type, description = "", priority = 0, jsonPath }: PrinterColumn): Column {
  return {
    name,
    type,
    format: "",
    description,
    priority,
    cell: (object) => {
      const [value] = findByPath(object, jsonPath);
      if (value === undefined) {
        return undefined;
      }
      if (type === "date") {
        return typeof value === "string" ? ageOf(value) : undefined;
      }
      return typeof value === "object" ? JSON.stringify(value) : (value as string | number | boolean);
    },
  };
}

function columnsOf(resource: ResourceType, version: string): readonly Column[] {
  const declared = resource.columns?.[version] ?? (resource.name === "jobsets.jobset.x-k8s.io" ? JOB_SET : undefined);
  return declared === undefined ? (cellsOfKind(resource.name) ?? [NAME, AGE]) : [NAME, ...declared.map(printed)];
}

/** Which form the objects inside a table have. */
export type IncludeObject = "None" | "Metadata" | "Object";

/** What a table contains beside the objects. */
export interface TableFrame {
  readonly metadata: Record<string, unknown>;
  readonly include: IncludeObject;
  /** Include the column definitions; a watch sends them with its first table only. Default: `true`. */
  readonly definitions?: boolean;
}

/** The objects as a `Table` of meta.k8s.io/v1, which is what `kubectl get` prints. */
export function tableOf(
  resource: ResourceType,
  version: string,
  objects: readonly StoredObject[],
  frame: TableFrame,
): Record<string, unknown> {
  const columns = columnsOf(resource, version);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: frame.metadata,
    columnDefinitions:
      frame.definitions === false
        ? null
        : columns.map(({ name, type, format, description, priority }) => ({
            name,
            type,
            format,
            description,
            priority,
          })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object) ?? null),
      ...(frame.include === "None"
        ? {}
        : {
            object:
              frame.include === "Object"
                ? { ...object, apiVersion: apiVersionOf(resource, version) }
                : metadataOnly(object),
          }),
    })),
  };
}
