import { parseAllDocuments } from "yaml";

import { StatusError, badRequest } from "./status-error.ts";
import type { PlaygroundStore } from "./store/playground-store.ts";
import type { NewObject, StoredObject } from "./world.ts";

interface Listed {
  readonly kind?: string;
  readonly items?: readonly NewObject[];
}

/** The objects in a text of YAML documents (JSON is YAML too), with `List`s unpacked. Throws 400 if the text is not YAML. */
export function objectsOf(input: string | NewObject | readonly NewObject[]): NewObject[] {
  const documents: readonly unknown[] =
    typeof input === "string"
      ? parseAllDocuments(input).map((document) => {
          const [error] = document.errors;
          if (error !== undefined) {
            throw badRequest(`the text is not YAML: ${error.message}`);
          }
          return document.toJS() as unknown;
        })
      : [input].flat();
  return documents
    .filter((document) => document !== null && document !== undefined)
    .flatMap((document) => {
      const object = document as NewObject & Listed;
      return object.kind === "List" && object.items !== undefined ? [...object.items] : [object];
    });
}

/**
 * Creates objects that are missing and replaces the others. Labels and annotations of other writers stay,
 * and so do status, uid and owners. Definitions of custom resources take effect before the objects behind them.
 */
export function applyObjects(store: PlaygroundStore, objects: readonly NewObject[]): StoredObject[] {
  return objects.map((object) => {
    const { apiVersion = "", kind = "" } = object;
    const resource = store.resources.ofKind(apiVersion, kind);
    if (resource === undefined) {
      throw new StatusError(404, "NotFound", `no matches for kind "${kind}" in version "${apiVersion}"`);
    }
    const metadata = object.metadata ?? {};
    const namespace = resource.namespaced ? (metadata.namespace ?? "default") : undefined;
    const current = metadata.name === undefined ? undefined : store.get(resource.name, namespace, metadata.name);
    if (current === undefined) {
      return store.create(resource.name, namespace, object);
    }
    const { labels, annotations, finalizers, ownerReferences } = metadata;
    return store.update(resource.name, {
      ...object,
      apiVersion,
      kind,
      metadata: {
        ...current.metadata,
        ...(labels === undefined ? {} : { labels: { ...current.metadata.labels, ...labels } }),
        ...(annotations === undefined ? {} : { annotations: { ...current.metadata.annotations, ...annotations } }),
        ...(finalizers === undefined ? {} : { finalizers }),
        ...(ownerReferences === undefined ? {} : { ownerReferences }),
      },
    });
  });
}
