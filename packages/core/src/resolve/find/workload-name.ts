import type { ResourceType } from "../../contract/resource.ts";
import { KinsyncError } from "../../errors/error.ts";
import { PODS, resourceName } from "../../kube/resource-path.ts";

/** A workload as a user writes it: the word for its kind, before discovery, and its name. */
export interface WorkloadName {
  /** As given: `deploy`, `jobsets`, `JobSet.jobset.x-k8s.io`. */
  readonly kind: string;
  readonly name: string;
}

/** Reads `jobset/train`, `deploy web`, `jobsets.jobset.x-k8s.io/train`. Throws `KINSYNC_USAGE`. */
export function parseWorkloadName(text: string): WorkloadName {
  const [kind = "", name = "", ...rest] = text.trim().split(/\s*\/\s*|\s+/);
  if (kind === "" || name === "" || rest.length > 0) {
    const hint =
      kind !== "" && text.trim().endsWith("/")
        ? `Add the name: ${kind}/NAME.`
        : kind !== "" && name === ""
          ? `Write it as kubectl does: KIND/NAME, such as deployment/${kind} or jobset/${kind}.`
          : "Write it as kubectl does: KIND/NAME, such as jobset/train.";
    throw new KinsyncError("KINSYNC_USAGE", `"${text}" does not name a workload`, { hint });
  }
  // Kubernetes' names are lower case DNS names; a slash or a dot-dot would change the path of the request.
  if (!/^[a-z0-9](?:[-a-z0-9.:]*[a-z0-9])?$/.test(name)) {
    throw new KinsyncError("KINSYNC_USAGE", `"${name}" cannot be the name of a ${kind}`, {
      hint: "Names have lower case letters, digits, dashes and dots.",
    });
  }
  return { kind, name };
}

/** The word for a kind in parts: `jobset`, `jobset.jobset.x-k8s.io`, `jobsets.v1alpha2.jobset.x-k8s.io`. All in lower case. */
export interface KindWord {
  readonly word: string;
  readonly group: string | undefined;
  readonly version: string | undefined;
}

/** The ways to read the word for a kind; `v1` may be a version or the start of a group's name. */
export function readKindWord(text: string): readonly KindWord[] {
  const [word = "", ...rest] = text.toLowerCase().split(".");
  if (rest.length === 0) return [{ word, group: undefined, version: undefined }];
  const [first = "", ...others] = rest;
  const whole: KindWord = { word, group: rest.join("."), version: undefined };
  if (!/^v\d+(?:(?:alpha|beta)\d+)?$/.test(first)) return [whole];
  return [{ word, group: others.join("."), version: first }, whole];
}

/** True if a word for a kind names this resource: by plural, singular, kind or short name, and by group and version where given. */
export function namesResource(
  wanted: KindWord,
  resource: Pick<ResourceType, "group" | "version" | "kind" | "plural" | "shortNames"> & { readonly singular?: string },
): boolean {
  if (wanted.group !== undefined && wanted.group !== resource.group) return false;
  if (wanted.version !== undefined && wanted.version !== resource.version) return false;
  const { word } = wanted;
  return (
    word === resource.plural ||
    word === resource.kind.toLowerCase() ||
    (word !== "" && word === resource.singular) ||
    (resource.shortNames?.includes(word) ?? false)
  );
}

/**
 * True if two names mean one workload, according to the given resources (and pods): `deploy/web` and `Deployment/web`. Names
 * that cannot be read are the same only where their text is.
 */
export function isSameWorkloadName(one: string, other: string, resources: readonly ResourceType[]): boolean {
  return one === other || canonicalName(one, resources) === canonicalName(other, resources);
}

/** `deployments.apps/web`; a word that names no resource stays unchanged. */
function canonicalName(text: string, resources: readonly ResourceType[]): string {
  const slash = text.indexOf("/");
  if (slash === -1) return text;
  const kind = text.slice(0, slash);
  const words = readKindWord(kind);
  const root = [PODS, ...resources].find((resource) => words.some((word) => namesResource(word, resource)));
  return `${root === undefined ? kind.toLowerCase() : resourceName(root)}${text.slice(slash)}`;
}
