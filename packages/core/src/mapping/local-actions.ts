import type { HooksConfig, RebuildAction } from "../contract/action.ts";

/** A command of the config that runs on this machine. */
export interface LocalCommand {
  /** argv, or one string for the shell of the system. */
  readonly command: readonly string[] | string;
  /** Absolute folder that it runs in. */
  readonly folder: string;
  /** Milliseconds until it is killed. */
  readonly timeout: number;
}

/** `rebuild` of a workload with its defaults filled in. */
export interface ResolvedRebuild extends LocalCommand {
  readonly when: readonly string[];
}

/** `hooks` of a workload with their defaults filled in. */
export interface ResolvedHooks {
  readonly before?: LocalCommand;
  readonly after?: LocalCommand;
}

const REBUILD_MS = 1_800_000;
const HOOK_MS = 60_000;

export function resolveRebuild({ when, command, timeout }: RebuildAction, folder: string): ResolvedRebuild {
  return { when, command, folder, timeout: timeout ?? REBUILD_MS };
}

export function resolveHooks({ before, after, timeout = HOOK_MS }: HooksConfig, folder: string): ResolvedHooks {
  return {
    ...(before === undefined ? {} : { before: { command: before, folder, timeout } }),
    ...(after === undefined ? {} : { after: { command: after, folder, timeout } }),
  };
}
