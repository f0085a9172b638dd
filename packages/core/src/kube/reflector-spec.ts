import type { KubeObject, ResourceType } from "../contract/resource.ts";
import type { KinsyncError } from "../errors/error.ts";
import type { BackoffRange } from "../time/backoff.ts";
import { resourceName } from "./resource-path.ts";

/** The objects that one reflector lists and watches. */
export interface ReflectorSpec {
  readonly resource: ResourceType;
  /** `undefined`: cluster-scoped, or all namespaces. */
  readonly namespace?: string;
  /** One object by its name. */
  readonly name?: string;
  readonly labelSelector?: string;
  readonly metadataOnly?: boolean;
  /** Keeps a part of each object. Reflectors with the same `key` are shared. */
  readonly project?: { readonly key: string; readonly apply: (object: KubeObject) => KubeObject };
}

/**
 * `retrying`: no answer, or an invalid one; the store may be out of date. The same holds, by some seconds, where the resource may
 * be listed and not watched. A reflector that is `forbidden` or `not-installed` retries less often, and recovers by itself.
 */
export type ReflectorStatus =
  | { readonly state: "starting" }
  | { readonly state: "synced" }
  | { readonly state: "retrying" | "forbidden" | "not-installed"; readonly error: KinsyncError };

/** Times in milliseconds; for tests. */
export interface ReflectorTiming {
  /** Objects of a page. Default: 500. */
  readonly pageSize: number;
  /** For one page of a list. Default: 60,000. */
  readonly page: number;
  /** Without a byte on a watch; bookmarks arrive about once a minute. Default: 150,000. */
  readonly idle: number;
  /** After which the server ends a watch; up to half of it is added at random. Default: 240,000. */
  readonly watch: number;
  /** Delays after failures. Default: 500 to 30,000. */
  readonly retry: BackoffRange;
  /** The same while forbidden or not installed. Default: 5,000 to 60,000. */
  readonly slow: BackoffRange;
  readonly random: () => number;
}

export const DEFAULT_TIMING: ReflectorTiming = {
  pageSize: 500,
  page: 60_000,
  idle: 150_000,
  watch: 240_000,
  retry: { min: 500, max: 30_000 },
  slow: { min: 5_000, max: 60_000 },
  random: Math.random,
};

/** The operation for messages: `list pods in namespace ml`. */
export function operationText(spec: ReflectorSpec, verb: "list" | "watch"): string {
  const { resource, namespace, name } = spec;
  const what = name === undefined ? resourceName(resource) : `${resourceName(resource)} ${name}`;
  return namespace === undefined || resource.namespaced === false
    ? `${verb} ${what}`
    : `${verb} ${what} in namespace ${namespace}`;
}

/** The query parameters that select the objects. */
export function selectorsOf({ name, labelSelector }: ReflectorSpec): Record<string, string | undefined> {
  return {
    labelSelector: labelSelector === "" ? undefined : labelSelector,
    fieldSelector: name === undefined ? undefined : `metadata.name=${name}`,
  };
}
