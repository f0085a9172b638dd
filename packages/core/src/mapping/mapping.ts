import type { IgnoreFile, InitialSync, ModeRule } from "../contract/config.ts";
import type { MemberState } from "../contract/state.ts";

/** A mapping with every default filled in and its local path absolute. */
export interface ResolvedMapping {
  /** Unique in one run: its position in the config, such as `jobset/train sync[0]`. Also shown to users. */
  readonly id: string;
  /** Absolute local path. */
  readonly from: string;
  /** As the user wrote it, for messages. */
  readonly fromText: string;
  /** POSIX container path without trailing slash (see `toIsFolder`). */
  readonly to: string;
  /** `to` ended in a slash: a single file goes into that folder under its own name, as with cp. */
  readonly toIsFolder: boolean;
  readonly ignore: readonly string[];
  readonly ignoreDefaults: boolean;
  readonly ignoreFiles: readonly IgnoreFile[];
  /** `undefined`: all. */
  readonly roles: readonly string[] | undefined;
  readonly indexes: readonly string[] | undefined;
  /** Accepted values of each label; a member needs one of them for every label. */
  readonly labels: Readonly<Record<string, readonly string[]>> | undefined;
  readonly container: string | undefined;
  readonly image: string | undefined;
  readonly states: readonly MemberState[];
  readonly inPlace: boolean;
  readonly mirror: boolean;
  readonly modes: ModeRule;
  readonly transport: string;
  /** Options of the transport for this mapping. Absent: none. */
  readonly transportOptions?: Readonly<Record<string, unknown>>;
  readonly initial: InitialSync;
}
