import type { ClusterTimeouts, LoginOverrides } from "@kinsync/core/cluster";
import { InvalidArgumentError, type Command } from "commander";
import { MAX_TIMER_MS, parseDuration } from "./parse-duration.ts";

/** kubectl's flags for the login, as commander parsed them. */
export interface LoginFlags {
  readonly as?: string;
  readonly asGroup?: readonly string[];
  readonly asUid?: string;
  readonly user?: string;
  readonly cluster?: string;
  /** Milliseconds; `0`: no limit. */
  readonly requestTimeout?: number;
}

/** Adds kubectl's flags for the login to a command. */
export function withLogin(target: Command): Command {
  return target
    .option("--as <name>", "user to impersonate")
    .option("--as-group <name>", "group to impersonate; may be repeated", append)
    .option("--as-uid <uid>", "UID to impersonate")
    .option("--user <name>", "user of the kubeconfig. Default: that of the context")
    .option("--cluster <name>", "cluster of the kubeconfig. Default: that of the context")
    .option("--request-timeout <time>", "limit of one request: 30s, 2m; 0 for none", timeoutOf);
}

/** For options that may be repeated. */
export function append(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function timeoutOf(value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) throw new InvalidArgumentError("Write it as 30s, 2m or 0.");
  return milliseconds;
}

export function loginOverrides({ as, asGroup, asUid, user, cluster }: LoginFlags): LoginOverrides {
  return { as, asGroups: asGroup, asUid, user, cluster };
}

/** `undefined` where `--request-timeout` is not given. */
export function requestTimeouts({ requestTimeout }: LoginFlags): ClusterTimeouts | undefined {
  if (requestTimeout === undefined) return undefined;
  const limit = requestTimeout === 0 ? MAX_TIMER_MS : Math.min(requestTimeout, MAX_TIMER_MS);
  return { connect: limit, handshake: limit, idle: limit };
}
