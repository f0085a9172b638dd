/** What a plugin can be. */
export const PLUGIN_TYPES = ["rules", "kind", "transport"] as const;

export type PluginType = (typeof PLUGIN_TYPES)[number];

/** A kind: the resource of its workloads, as their CRD names it. */
export interface KindSpec {
  /** `rules`: in YAML, without code; `kind`: in TypeScript. */
  readonly type: "rules" | "kind";
  /** `Studio`. */
  readonly kind: string;
  /** `example.com`. */
  readonly group: string;
  /** `v1`. */
  readonly version: string;
  /** `studios`. */
  readonly plural: string;
}

/** A transport. */
export interface TransportSpec {
  readonly type: "transport";
  /** Lower case with dashes, as a config names it: `share`. */
  readonly name: string;
}

export type PluginSpec = KindSpec | TransportSpec;

/** Something that a flag or an answer should name: what it looks like, and an example. */
interface Shape {
  readonly pattern: RegExp;
  readonly like: string;
}

/** By flag. The patterns are those of Kubernetes; they also keep the generated code valid. */
export const SHAPES = {
  kind: { pattern: /^[A-Z][A-Za-z0-9]{0,62}$/, like: "a kind as a CRD names it: Studio" },
  group: {
    pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/,
    like: "an API group as a CRD names it: example.com",
  },
  "api-version": { pattern: /^v[1-9][0-9]*(?:(?:alpha|beta)[1-9][0-9]*)?$/, like: "an API version: v1, v1alpha1" },
  plural: { pattern: /^[a-z][a-z0-9]{0,62}$/, like: "a plural as a CRD names it: studios" },
  name: { pattern: /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, like: "a name in lower case with dashes: share" },
} as const satisfies Readonly<Record<string, Shape>>;

/** The plural of most kinds: `Policy` to `policies`, `Ingress` to `ingresses`. */
export function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  if (/(?:s|x|ch|sh)$/.test(name)) return `${name}es`;
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
}

/** Name of the package: `kinsync-kind-studio`, `kinsync-transport-share`. */
export function packageName(spec: PluginSpec): string {
  return spec.type === "transport" ? `kinsync-transport-${spec.name}` : `kinsync-kind-${spec.kind.toLowerCase()}`;
}
