import type { KubeObject } from "../../contract/resource.ts";
import type { KindCase } from "./kind-case.ts";
import { deepFreeze } from "./purity.ts";

export type Objects = Pick<KindCase, "root" | "objects">;

/**
 * The same objects with other UIDs: in the objects and in references to them, and wherever else a UID is written, such as a label. There a
 * text that is also the name of an object stays.
 */
export function withUids(one: Objects, uidOf: (uid: string) => string | undefined): Objects {
  const names = new Set([one.root, ...one.objects].map(({ metadata }) => metadata.name));
  const written = (text: string): string => (names.has(text) ? text : (uidOf(text) ?? text));
  const rewritten = (object: KubeObject): KubeObject => {
    const { uid, name, ownerReferences, ...metadata } = object.metadata;
    const references = ownerReferences?.map((owner) => ({ ...owner, uid: uidOf(owner.uid) ?? owner.uid }));
    return deepFreeze({
      ...mapTexts(object, written),
      metadata: {
        ...mapTexts(metadata, written),
        name,
        uid: uidOf(uid) ?? uid,
        ...(references === undefined ? {} : { ownerReferences: references }),
      },
    });
  };
  return { root: rewritten(one.root), objects: one.objects.map(rewritten) };
}

/** The same objects with other names, in the objects and in references to them. @param nameOf by UID; `undefined` keeps the name */
export function withNames(one: Objects, nameOf: (uid: string) => string | undefined): Objects {
  const renamed = (object: KubeObject): KubeObject => {
    const { name, uid, ownerReferences, ...metadata } = object.metadata;
    const references = ownerReferences?.map((owner) => ({ ...owner, name: nameOf(owner.uid) ?? owner.name }));
    return deepFreeze({
      ...object,
      metadata: {
        ...metadata,
        name: nameOf(uid) ?? name,
        uid,
        ...(references === undefined ? {} : { ownerReferences: references }),
      },
    });
  };
  return { root: renamed(one.root), objects: one.objects.map(renamed) };
}

/** The same objects with one replaced. */
export function withObject({ root, objects }: Objects, old: KubeObject, fresh: KubeObject): Objects {
  const replaced = objects.map((object) => (object === old ? fresh : object));
  return { root: root === old ? fresh : root, objects: replaced };
}

/**
 * Objects that have an owner, and whose name is written nowhere but in the object and in owner references to it: nothing refers to them
 * by name, so a kind has nothing to compare the name with.
 */
export function unmentioned({ root, objects }: Objects): readonly KubeObject[] {
  const mentions = new Map<string, number>();
  for (const { metadata, ...object } of [root, ...objects]) {
    const { uid: _uid, ownerReferences: _references, ...rest } = metadata;
    mapTexts([object, rest], (text) => {
      mentions.set(text, (mentions.get(text) ?? 0) + 1);
      return text;
    });
  }
  return objects.filter(({ metadata: { name, ownerReferences = [] } }) => {
    return ownerReferences.length > 0 && mentions.get(name) === 1;
  });
}

function mapTexts<T>(value: T, change: (text: string) => string): T {
  if (typeof value === "string") return change(value) as T;
  if (Array.isArray(value)) return value.map((item) => mapTexts<unknown>(item, change)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapTexts<unknown>(inner, change)])) as T;
}
