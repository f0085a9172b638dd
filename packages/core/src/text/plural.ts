/** The plural of most kinds: `NetworkPolicy` to `networkpolicies`, `Ingress` to `ingresses`, `Gateway` to `gateways`. */
export function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  if (/(?:s|x|ch|sh)$/.test(name)) return `${name}es`;
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
}
