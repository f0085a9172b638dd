// Rules of a pod's spec: names, and paths of volumes, which must not lead out of the folders of the playground.

import type { StatusCause } from "../status-error.ts";
import { duplicate, labelProblem, required, subdomainProblem, wrong } from "./causes.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Every rule that the spec of a pod breaks.
 * @param field its path in the object, for messages
 * @param claims names of volumes that a controller adds to the spec
 */
export function podProblems(field: string, spec: Fields | undefined, claims: readonly string[] = []): StatusCause[] {
  const containers = listOf(spec?.["containers"]);
  if (containers.length === 0) return [required(`${field}.containers`, "")];
  const causes: StatusCause[] = [];
  const volumes = new Set<string>();
  for (const [index, volume] of listOf(spec?.["volumes"]).entries()) {
    const at = `${field}.volumes[${index}]`;
    causes.push(...nameProblems(`${at}.name`, volume["name"], volumes), ...sourceProblems(at, volume));
  }
  const mountable = new Set([...volumes, ...claims]);
  const names = new Set<string>();
  for (const [list, members] of Object.entries({ containers, initContainers: listOf(spec?.["initContainers"]) })) {
    for (const [index, container] of members.entries()) {
      const at = `${field}.${list}[${index}]`;
      causes.push(...nameProblems(`${at}.name`, container["name"], names));
      causes.push(...mountProblems(`${at}.volumeMounts`, container["volumeMounts"], mountable));
    }
  }
  return causes;
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** @param known names of this list so far; a new name is added */
function nameProblems(field: string, value: unknown, known: Set<string>): StatusCause[] {
  const name = textOf(value);
  if (name === "") return [required(field, "")];
  const why = labelProblem(name);
  if (why !== undefined) return [wrong(field, name, why)];
  if (known.has(name)) return [duplicate(field, name)];
  known.add(name);
  return [];
}

function sourceProblems(at: string, volume: Fields): StatusCause[] {
  const { hostPath, persistentVolumeClaim, configMap, secret } = volume;
  const causes: StatusCause[] = [];
  if (hostPath !== undefined) {
    const path = textOf(fieldsOf(hostPath)["path"]);
    if (path === "") causes.push(required(`${at}.hostPath.path`, ""));
    else if (leadsUp(path)) causes.push(wrong(`${at}.hostPath.path`, path, "must not contain '..'"));
  }
  if (persistentVolumeClaim !== undefined) {
    const field = `${at}.persistentVolumeClaim.claimName`;
    const claim = textOf(fieldsOf(persistentVolumeClaim)["claimName"]);
    // The API server accepts such a name, but no claim can have it, and the pod never starts.
    const why = claim === "" ? undefined : subdomainProblem(claim);
    if (claim === "") causes.push(required(field, ""));
    else if (why !== undefined) causes.push(wrong(field, claim, why));
  }
  for (const [source, files] of Object.entries({ configMap, secret })) {
    for (const [index, item] of listOf(fieldsOf(files)["items"]).entries()) {
      causes.push(...localPathProblems(`${at}.${source}.items[${index}].path`, textOf(item["path"])));
    }
  }
  return causes;
}

function mountProblems(at: string, mounts: unknown, volumes: ReadonlySet<string>): StatusCause[] {
  const causes: StatusCause[] = [];
  const paths = new Set<string>();
  for (const [index, mount] of listOf(mounts).entries()) {
    const name = textOf(mount["name"]);
    const field = `${at}[${index}].name`;
    if (name === "") causes.push(required(field, ""));
    else if (!volumes.has(name))
      causes.push({ reason: "FieldValueNotFound", message: `Not found: ${JSON.stringify(name)}`, field });
    const path = textOf(mount["mountPath"]);
    if (path === "") causes.push(required(`${at}[${index}].mountPath`, ""));
    else if (paths.has(path)) causes.push(wrong(`${at}[${index}].mountPath`, path, "must be unique"));
    paths.add(path);
    const subPath = textOf(mount["subPath"]);
    if (subPath !== "") causes.push(...localPathProblems(`${at}[${index}].subPath`, subPath));
  }
  return causes;
}

/** A path below a volume. */
function localPathProblems(field: string, path: string): StatusCause[] {
  if (path.startsWith("/")) return [wrong(field, path, "must be a relative path")];
  return leadsUp(path) ? [wrong(field, path, "must not contain '..'")] : [];
}

function leadsUp(path: string): boolean {
  return path.split("/").includes("..");
}
