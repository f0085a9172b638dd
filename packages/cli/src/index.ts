// What a config file imports: import { defineConfig } from "kinsync".
export { defineConfig } from "@kinsync/core/contract";
export type {
  InitialSync,
  KinsyncConfig,
  MappingConfig,
  PluginReference,
  RunAction,
  WorkloadConfig,
} from "@kinsync/core/contract";
