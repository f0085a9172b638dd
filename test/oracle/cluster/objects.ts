import type { KubeObject, OwnerReference, Pod } from "@kinsync/core/contract";

export type Labels = Readonly<Record<string, string>>;

/** An object whose spec and status have the fields that its controller reads and writes. */
export type Typed<Spec extends object, Status extends object = object> = KubeObject<Partial<Spec>, Partial<Status>>;

export function controllerReference({ apiVersion, kind, metadata: { name, uid } }: KubeObject): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true };
}

/** UID of the controller of an object; `undefined` where it has none. */
export function controllerUidOf({ metadata }: KubeObject | Pod): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

export function isDeleting({ metadata }: KubeObject | Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

export function phaseOf({ status }: KubeObject): string {
  const phase = status?.["phase"];
  return typeof phase === "string" ? phase : "Pending";
}

export function isFinished(pod: KubeObject): boolean {
  return phaseOf(pod) === "Succeeded" || phaseOf(pod) === "Failed";
}

/** A pod that a controller counts: neither ended nor being deleted. */
export function isAlive(pod: KubeObject): boolean {
  return !isFinished(pod) && !isDeleting(pod);
}

export function hasLabels({ metadata }: KubeObject, labels: Labels): boolean {
  return Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value);
}

/** The order in which controllers compare objects: by age, then by name. */
export function byAge({ metadata: a }: KubeObject, { metadata: b }: KubeObject): number {
  const [one, other] = [`${a.creationTimestamp} ${a.name}`, `${b.creationTimestamp} ${b.name}`];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Each field has the given value already, so that a controller does not write it again. */
export function hasFields(object: object | undefined, fields: object): boolean {
  const present = new Map(Object.entries(object ?? {}));
  return Object.entries(fields).every(([key, value]) => JSON.stringify(present.get(key)) === JSON.stringify(value));
}
