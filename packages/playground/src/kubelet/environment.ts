// The environment of a container's process.

import type { StoredObject } from "../world.ts";
import type { ContainerSpec, EnvVar, KeyReference } from "./pod-spec.ts";

/** The sources that a pod's environment refers to. */
export interface EnvironmentSources {
  /** Decoded data of a ConfigMap or Secret of the pod's namespace; `undefined` if it is missing. */
  data(kind: "configmaps" | "secrets", name: string): Readonly<Record<string, Buffer>> | undefined;
}

/** A ConfigMap, a Secret or one of their keys is missing: the container waits with this reason. */
export class MissingConfigError extends Error {
  override readonly name = "MissingConfigError";
}

/**
 * @param base - the environment of image and node, which the pod's overrides.
 * @throws {@link MissingConfigError}
 */
export function environmentOf(
  pod: StoredObject,
  container: ContainerSpec,
  base: Readonly<Record<string, string>>,
  sources: EnvironmentSources,
): Record<string, string> {
  const env: Record<string, string> = { ...base };
  for (const source of container.envFrom ?? []) {
    const kind = source.configMapRef === undefined ? "secrets" : "configmaps";
    const reference = source.configMapRef ?? source.secretRef;
    const data = sources.data(kind, reference?.name ?? "");
    if (data === undefined && reference?.optional !== true) throw missing(kind, reference?.name);
    for (const [key, value] of Object.entries(data ?? {})) env[`${source.prefix ?? ""}${key}`] = value.toString("utf8");
  }
  for (const variable of container.env ?? []) {
    const value = variable.value === undefined ? valueFrom(pod, variable, sources) : expand(variable.value, env);
    if (value !== undefined) env[variable.name] = value;
    else if (variable.valueFrom === undefined) env[variable.name] = "";
  }
  return env;
}

/** Replaces `$(NAME)` if NAME is set; `$$(NAME)` becomes the text `$(NAME)`. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (whole === "$$") return "$";
    return name !== undefined && Object.hasOwn(env, name) ? (env[name] ?? "") : whole;
  });
}

function valueFrom(pod: StoredObject, variable: EnvVar, sources: EnvironmentSources): string | undefined {
  const { fieldRef, configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldOf(pod, fieldRef.fieldPath);
  if (configMapKeyRef !== undefined) return keyOf("configmaps", configMapKeyRef, sources);
  if (secretKeyRef !== undefined) return keyOf("secrets", secretKeyRef, sources);
  return undefined;
}

function keyOf(
  kind: "configmaps" | "secrets",
  reference: KeyReference,
  sources: EnvironmentSources,
): string | undefined {
  const value = sources.data(kind, reference.name ?? "")?.[reference.key];
  if (value === undefined && reference.optional !== true) throw missing(kind, reference.name, reference.key);
  return value?.toString("utf8");
}

function missing(kind: "configmaps" | "secrets", name = "", key?: string): MissingConfigError {
  const what = kind === "configmaps" ? "configmap" : "secret";
  return new MissingConfigError(
    key === undefined ? `${what} "${name}" not found` : `couldn't find key ${key} in ${what} "${name}"`,
  );
}

function fieldOf(pod: StoredObject, path: string): string {
  const { metadata } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed !== null) return metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  switch (path) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid;
    case "spec.nodeName":
      return text(pod.spec?.["nodeName"]);
    case "spec.serviceAccountName":
      return text(pod.spec?.["serviceAccountName"]) || "default";
    case "status.podIP":
    case "status.podIPs":
      return text(pod.status?.["podIP"]);
    case "status.hostIP":
    case "status.hostIPs":
      return text(pod.status?.["hostIP"]);
    default:
      return "";
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
