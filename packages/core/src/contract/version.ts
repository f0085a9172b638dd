/**
 * Version of this contract, `MAJOR.MINOR`. `defineKind` and `defineTransport` stamp it on plugins.
 *
 * - MAJOR changes when a meaning changes or something is removed. Every plugin then needs a new build.
 * - MINOR grows by one when something optional is added: a field of a definition, a method that the host offers, a member state.
 */
export const CONTRACT = "2.6";

/**
 * Names of what this host offers besides the first version of its contract. A kind lists what it cannot work without in `needs`.
 * A host that lacks one of them refuses the plugin by that name.
 */
export const FEATURES: readonly string[] = Object.freeze([
  "delegate",
  "labels",
  "namespaces",
  "notes",
  "referred",
  "roles",
  "versions",
]);

/**
 * True if a host with contract `host` loads a plugin that was built for contract `offered`.
 *
 * - The major versions are equal: a meaning may differ otherwise.
 * - The plugin's minor version is not higher than the host's: a plugin that was built for 2.1 loads in 2.1, 2.2 and 2.7, but not in
 *   2.0, which lacks what 2.1 added.
 * - Anything but `MAJOR.MINOR` is refused, also the number 1 that contract 1 stamped.
 */
export function isCompatible(offered: unknown, host: string = CONTRACT): boolean {
  const plugin = parse(offered);
  const own = parse(host);
  return plugin !== undefined && own !== undefined && plugin.major === own.major && plugin.minor <= own.minor;
}

function parse(version: unknown): { readonly major: number; readonly minor: number } | undefined {
  if (typeof version !== "string") return undefined;
  const [, major, minor] = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/.exec(version) ?? [];
  return major === undefined || minor === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}
