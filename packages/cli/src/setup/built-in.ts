import type { KindEntry, Plugin, TransportEntry } from "@kinsync/core/project";
import { lazyTransport } from "@kinsync/core/project";
import { exec } from "@kinsync/transport-exec";
import { BUILT_IN_KINDS } from "./built-in-kinds.ts";

/** Transports that a mapping must name: their code is imported for it alone. */
const BUILT_IN_TRANSPORTS: readonly TransportEntry[] = [
  lazyTransport({
    name: "configmap",
    load: async () => (await import("@kinsync/transport-configmap")).configmap(),
  }),
  lazyTransport({
    name: "secret",
    load: async () => (await import("@kinsync/transport-configmap")).secret(),
  }),
  lazyTransport({
    name: "volume",
    load: async () => (await import("@kinsync/transport-volume")).volume(),
  }),
];

/** Plugins that need no entry in a config. They are loaded as anybody's are: through the public contract. */
export function builtInPlugins(): readonly Plugin[] {
  return [...BUILT_IN_KINDS, exec(), ...BUILT_IN_TRANSPORTS];
}

/** The kinds among them. */
export function builtInKinds(): readonly KindEntry[] {
  return BUILT_IN_KINDS;
}
