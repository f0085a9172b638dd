// Public entry point @kinsync/core/config: from a config file (or a command line) to resolved mappings and plugins.
export { loadConfig } from "./load.ts";
export type { LoadConfigOptions, LoadedConfig } from "./load.ts";
export { CONFIG_FILES } from "./places.ts";
export { checkConfig } from "./check.ts";
export type { CheckedConfig, CheckOptions } from "./checked-config.ts";
export { SCHEMA_URL } from "./schema-url.ts";
export { resolveConfig } from "./resolve.ts";
export type { ConfigOrigin, WorkloadPlan } from "./resolve.ts";
export { parseMappingFlag } from "./mapping-flag.ts";
export { systemFolderAt } from "../mapping/system-folders.ts";
export { checkSources } from "./sources.ts";
export { nearest } from "../text/did-you-mean.ts";
export type { ConfigPath, Position } from "../document/parse.ts";
export { defineConfig } from "../contract/config.ts";
export type {
  InitialSync,
  KinsyncConfig,
  MappingConfig,
  PluginReference,
  ProfileConfig,
  ProfileWorkload,
  WorkloadConfig,
} from "../contract/config.ts";
export type { ResolvedMapping } from "../mapping/mapping.ts";
export { loadRulesFile } from "../plugins/load-rules.ts";
export { RULES_SCHEMA_URL } from "../rules/schema-url.ts";
export { loadPlugins } from "../plugins/load.ts";
export type { LoadedPlugin, LoadedPlugins, LoadPluginsOptions } from "../plugins/load.ts";
export { createRegistry } from "../plugins/registry.ts";
export type { PluginRegistry, RegistryOptions } from "../plugins/registry.ts";
