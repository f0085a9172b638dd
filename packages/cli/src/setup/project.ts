import type { OpenProjectOptions, ProjectFlags } from "@kinsync/core/project";
import type { Io } from "../io.ts";
import type { ClusterOptions } from "./options.ts";

/** What a command line and its surroundings say of a project. */
export function projectOptions(options: ClusterOptions, io: Io, flags: ProjectFlags): OpenProjectOptions {
  return {
    cwd: io.cwd,
    env: io.env,
    conditions: io.conditions,
    program: import.meta.url,
    onPluginBlocked: io.onPluginBlocked,
    signal: io.signal,
    config: options.config,
    context: options.context,
    kubeconfig: options.kubeconfig,
    flags: { namespace: options.namespace, ...flags },
    plugins: async () => (await import("./built-in.ts")).builtInPlugins(),
  };
}
