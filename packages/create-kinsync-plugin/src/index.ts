export { createPlugin } from "./create-plugin.ts";
export { PLUGIN_TYPES } from "./spec.ts";
export type { KindSpec, PluginSpec, PluginType, TransportSpec } from "./spec.ts";
export { UsageError } from "./usage-error.ts";
