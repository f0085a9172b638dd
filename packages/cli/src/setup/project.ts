import type { OpenProjectOptions, ProjectFlags } from "@kinsync/core/project";
import type { Io } from "../io.ts";
import type { Reporter } from "../render/reporter.ts";
import { credentialTerminal } from "./credential-terminal.ts";
import type { ClusterOptions } from "./options.ts";

/**
 * What a command line and its surroundings say of a project.
 * @param reporter what else writes to the terminal, and pauses while a credential plugin prompts
 */
export function projectOptions(
  options: ClusterOptions,
  io: Io,
  flags: ProjectFlags,
  reporter?: Reporter,
): OpenProjectOptions {
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
    login: options.login,
    timeouts: options.timeouts,
    terminal: credentialTerminal(io, reporter),
    profiles: options.profiles,
    flags: { namespace: options.namespace, selector: options.selector, ...flags },
    plugins: async () => (await import("./built-in.ts")).builtInPlugins(),
  };
}
