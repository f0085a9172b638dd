import type { ErrorCode } from "@kinsync/core/contract";

/** Exit codes; scripts rely on them. */
export const EXIT = {
  /** Every eligible target holds the released snapshot. */
  done: 0,
  /** An error of kinsync itself. */
  internal: 1,
  /** The command line, the config or a plugin is wrong, or names something that does not exist. */
  usage: 2,
  /** At least one target is stale, failed or halted. */
  behind: 3,
  /** No eligible target within `--wait`. */
  nothing: 4,
  /** The cluster cannot be reached, or does not allow it. */
  cluster: 5,
  interrupted: 130,
} as const;

/** The exit code of a run that ended with an error. */
export function exitCodeOf(code: ErrorCode): number {
  const area = code.split("_")[1];
  switch (area) {
    case "CLUSTER":
      return EXIT.cluster;
    case "CONTROL":
      return code === "KINSYNC_CONTROL_NO_RUN" ? EXIT.nothing : EXIT.usage;
    case "CONFIG":
    case "FORWARD":
    case "PLUGIN":
    case "PULL":
    case "RESOLVE":
    case "SNAPSHOT":
    case "SOURCE":
    case "TRANSPORT":
    case "USAGE":
      return EXIT.usage;
    case "RUN":
      return EXIT.behind;
    case "TARGET":
      // The one TARGET error that is met before any container: a path that no container could take.
      return code === "KINSYNC_TARGET_PATH" ? EXIT.usage : EXIT.behind;
    default:
      return EXIT.internal;
  }
}
