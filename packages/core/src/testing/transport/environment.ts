import type { ClusterConnection } from "../../contract/cluster.ts";
import type { Target } from "../../contract/target.ts";
import type { OpenContext, TransportPlugin } from "../../contract/transport.ts";

/** What `lstat` reports of a path in the container. */
export interface PathStatus {
  readonly type: "file" | "directory" | "link" | "other";
  readonly mode: number;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly mtime: number;
  /** Of a link. */
  readonly target?: string;
}

/**
 * A container that a transport can reach, and access to the container's files that bypasses the transport. Optional members are what an
 * environment may be able to do: requirements that need a missing one are reported as skipped.
 */
export interface TransportEnvironment extends AsyncDisposable {
  readonly transport: TransportPlugin;
  readonly cluster: ClusterConnection;
  readonly target: Target;
  /** More of what the engine gives to `open`. Default: nothing. */
  readonly context?: Pick<OpenContext, "pod" | "options">;
  /** Absolute path, in the container, of an empty folder that the transport may write to. */
  readonly folder: string;
  /** All paths are absolute paths in the container. `undefined` where the path does not exist. */
  lstat(path: string): Promise<PathStatus | undefined>;
  readFile(path: string): Promise<Uint8Array>;
  list(path: string): Promise<readonly string[]>;
  writeFile(path: string, bytes: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  makeLink?(target: string, path: string): Promise<void>;
  /** Waits until what the transport has accepted is visible: for transports that acknowledge `accepted` and have no `Receipt.seen`. */
  untilVisible?(): Promise<void>;
  /**
   * Commands for transports that can run them: one that writes the lines `out` and `err` and ends with exit code 3, and one that writes
   * a line and then sleeps for a minute. Default: by `sh`.
   */
  readonly commands?: { readonly echo: readonly string[]; readonly sleep: readonly string[] };
  /** Ends the container and starts it again, as a crash does. */
  restart?(): Promise<void>;
  /** Cuts every connection to the target. */
  breakConnection?(): Promise<void>;
  /** Cuts the next connection when this many bytes went to the container, or came from it. */
  cutNext?(after: { readonly sent?: number; readonly received?: number }): void;
  /** Stops the container's side from taking bytes, without an error; the returned function lets it continue. */
  stall?(): () => void;
  /** Absolute path, in the container, of an empty folder on a file system of a few hundred KiB. */
  readonly smallFolder?: string;
}
