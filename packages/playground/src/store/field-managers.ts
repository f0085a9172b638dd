// Who manages which field, for the kinds whose fields are plain maps: server-side apply and its conflicts.

import { isDeepStrictEqual } from "node:util";

import { StatusError, badRequest } from "../status-error.ts";
import type { NewObject, StoredObject } from "../world.ts";
import { apiTime } from "./deletion.ts";
import type { ResourceType } from "./resources.ts";

type Fields = Record<string, unknown>;

/** One entry of `metadata.managedFields`. */
interface ManagedFields {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time: string;
  readonly fieldsType: "FieldsV1";
  readonly fieldsV1: Fields;
}

/** The fields of one manager, as paths: `data/app.conf`. */
type FieldSet = ReadonlySet<string>;

interface Managed {
  readonly entry: Pick<ManagedFields, "manager" | "operation" | "apiVersion" | "time">;
  readonly fields: FieldSet;
}

const TRACKED: ReadonlySet<string> = new Set(["configmaps", "secrets"]);
/** Maps whose keys are fields of their own, and fields that are one value. */
const MAPS = [["data"], ["binaryData"], ["stringData"], ["metadata", "labels"], ["metadata", "annotations"]] as const;
const VALUES = ["immutable", "type"] as const;
const SEPARATOR = "\u0000";

/** Whether the managers of this resource's fields are tracked. Of all others an apply is a merge without conflicts. */
export function isTracked({ name }: Pick<ResourceType, "name">): boolean {
  return TRACKED.has(name);
}

function mapAt(object: Partial<NewObject>, path: readonly string[]): Fields {
  let at: unknown = object;
  for (const step of path) at = (at as Fields | undefined)?.[step];
  return (at ?? {}) as Fields;
}

/** Every field of an object with its value. */
function fieldsOf(object: Partial<NewObject>): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const path of MAPS) {
    for (const [key, value] of Object.entries(mapAt(object, path))) fields.set([...path, key].join(SEPARATOR), value);
  }
  for (const name of VALUES) {
    const value = (object as Fields)[name];
    if (value !== undefined) fields.set(name, value);
  }
  return fields;
}

function readManagers({ metadata }: StoredObject): Managed[] {
  const entries = ((metadata as Fields)["managedFields"] ?? []) as readonly ManagedFields[];
  return entries.map(({ fieldsV1, ...entry }) => ({ entry, fields: new Set(pathsOf(fieldsV1, [])) }));
}

function pathsOf(fields: Fields, path: readonly string[]): string[] {
  return Object.entries(fields).flatMap(([key, inner]) => {
    if (key === ".") return [];
    const at = [...path, key.slice("f:".length)];
    const keys = Object.keys(inner as Fields);
    return keys.length === 0 ? [at.join(SEPARATOR)] : pathsOf(inner as Fields, at);
  });
}

function fieldsV1Of(fields: FieldSet): Fields {
  const result: Fields = {};
  for (const path of [...fields].sort()) {
    const steps = path.split(SEPARATOR);
    let at = result;
    for (const step of steps) at = (at[`f:${step}`] ??= {}) as Fields;
    // The map itself is a field, too.
    if (steps.length > 1) {
      const parent = steps.slice(0, -1).reduce((inner, step) => inner[`f:${step}`] as Fields, result);
      parent["."] = {};
    }
  }
  return result;
}

/** Puts the managers into an object that is about to be stored, in place. An unchanged list keeps its times. */
function writeManagers(object: NewObject, managers: readonly Managed[], current: StoredObject | undefined): void {
  const before = (((current?.metadata ?? {}) as Fields)["managedFields"] ?? []) as readonly ManagedFields[];
  const entries = managers
    .filter(({ fields }) => fields.size > 0)
    .map(({ entry, fields }): ManagedFields => {
      const fieldsV1 = fieldsV1Of(fields);
      const same = before.find(
        (each) =>
          each.manager === entry.manager &&
          each.operation === entry.operation &&
          isDeepStrictEqual(each.fieldsV1, fieldsV1),
      );
      return { ...entry, time: same?.time ?? entry.time, fieldsType: "FieldsV1", fieldsV1 };
    });
  if (entries.length > 0) Object.assign(object.metadata, { managedFields: entries });
  else delete (object.metadata as Fields)["managedFields"];
}

function newEntry(manager: string, operation: ManagedFields["operation"]): Managed["entry"] {
  return { manager, operation, apiVersion: "v1", time: apiTime() };
}

/** A create or an update: its manager takes what it changes from all others. In place. */
export function manageUpdate(next: NewObject, current: StoredObject | undefined, manager: string): void {
  const after = fieldsOf(next);
  const before = current === undefined ? new Map<string, unknown>() : fieldsOf(current);
  const changed = new Set([...after].filter(([path, value]) => before.get(path) !== value).map(([path]) => path));
  const managers = current === undefined ? [] : readManagers(current);
  const isOwn = ({ entry }: Managed): boolean => entry.manager === manager && entry.operation === "Update";
  const kept = (fields: FieldSet): FieldSet => new Set([...fields].filter((path) => after.has(path)));
  const own = managers.find(isOwn);
  writeManagers(
    next,
    [
      ...managers
        .filter((each) => !isOwn(each))
        .map(({ entry, fields }) => ({
          entry,
          fields: new Set([...kept(fields)].filter((path) => !changed.has(path))),
        })),
      {
        entry: own?.entry ?? newEntry(manager, "Update"),
        fields: new Set([...kept(own?.fields ?? new Set()), ...changed]),
      },
    ],
    current,
  );
}

export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
}

/**
 * A server-side apply: the object with what the manager applies now, and without what it alone applied before.
 * @param current undefined: the object is created
 * @throws StatusError 409 with one cause for each field that another manager has with another value
 */
export function applyFields(
  applied: NewObject,
  current: StoredObject | undefined,
  { manager, force }: ApplyOptions,
): NewObject {
  if (manager === "")
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  const wanted = fieldsOf(applied);
  const held = current === undefined ? new Map<string, unknown>() : fieldsOf(current);
  const managers = current === undefined ? [] : readManagers(current);
  const isOwn = ({ entry }: Managed): boolean => entry.manager === manager && entry.operation === "Apply";
  const others = managers.filter((each) => !isOwn(each));
  const conflicts = others.flatMap(({ entry, fields }) =>
    [...wanted]
      .filter(([path, value]) => fields.has(path) && held.has(path) && held.get(path) !== value)
      .map(([path]) => ({ entry, path })),
  );
  if (conflicts.length > 0 && !force) throw conflictOf(applied, conflicts);
  const next = structuredClone(current ?? applied) as NewObject & Fields;
  const own = managers.find(isOwn);
  for (const path of own?.fields ?? []) {
    if (!wanted.has(path) && !others.some(({ fields }) => fields.has(path))) removeField(next, path);
  }
  for (const [path, value] of wanted) setField(next, path, value);
  const taken = new Set(conflicts.map(({ path }) => path));
  writeManagers(
    next,
    [
      ...others.map(({ entry, fields }) => ({
        entry,
        fields: new Set([...fields].filter((path) => !taken.has(path))),
      })),
      { entry: own?.entry ?? newEntry(manager, "Apply"), fields: new Set(wanted.keys()) },
    ],
    current,
  );
  return next;
}

function setField(object: Fields, path: string, value: unknown): void {
  const steps = path.split(SEPARATOR);
  const last = steps.pop() ?? "";
  let at = object;
  for (const step of steps) at = (at[step] ??= {}) as Fields;
  at[last] = value;
}

function removeField(object: Fields, path: string): void {
  const steps = path.split(SEPARATOR);
  const last = steps.pop() ?? "";
  const parents: Fields[] = [object];
  for (const step of steps) parents.push((parents.at(-1)?.[step] ?? {}) as Fields);
  delete parents.at(-1)?.[last];
  const [map] = steps;
  if (steps.length === 1 && map !== undefined && Object.keys(parents.at(-1) ?? {}).length === 0) delete object[map];
}

function conflictOf(
  applied: NewObject,
  conflicts: readonly { readonly entry: Managed["entry"]; readonly path: string }[],
): StatusError {
  const causes = conflicts.map(({ entry, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with "${entry.manager}"${entry.operation === "Update" ? ` using ${entry.apiVersion}` : ""}`,
    field: `.${path.split(SEPARATOR).join(".")}`,
  }));
  const list = causes.map(({ message, field }) => `${message}: ${field}`).join("\n");
  return new StatusError(
    409,
    "Conflict",
    `Apply failed with ${causes.length} conflict${causes.length === 1 ? "" : "s"}: ${list}`,
    { name: applied.metadata.name ?? "", causes },
  );
}
