import type { ResolvedMapping } from "../../src/mapping/mapping.ts";

/** A mapping from a folder `ID` to `/ID` with all defaults. */
export function mapping(id: string, options: Partial<ResolvedMapping> = {}): ResolvedMapping {
  return {
    id,
    from: `/local/${id}`,
    fromText: id,
    to: `/${id}`,
    toIsFolder: false,
    ignore: [],
    ignoreDefaults: true,
    ignoreFiles: [],
    roles: undefined,
    indexes: undefined,
    labels: undefined,
    container: undefined,
    image: undefined,
    states: ["current", "kept"],
    inPlace: false,
    mirror: false,
    modes: "portable",
    transport: "exec",
    initial: "verify",
    ...options,
  };
}
