import type { EngineEvent, FollowedLogs, LogSource, MemberChange, ResolvedWorkload } from "@kinsync/core";
import { followLogs } from "@kinsync/core";
import type { ClusterConnection } from "@kinsync/core/contract";
import type { Paint } from "../../render/color.ts";
import { asKinsyncError } from "../../render/error.ts";
import type { Reporter } from "../../render/reporter.ts";
import { EntryFormat, jsonOf } from "./format-entry.ts";

export interface RunLogsOptions {
  readonly cluster: ClusterConnection;
  readonly reporter: Reporter;
  readonly json: boolean;
  readonly paint: Paint;
  /** Only members of these roles; none: all. */
  readonly roles: readonly string[];
  readonly container: string | undefined;
  readonly signal: AbortSignal;
}

/** The logs of all workloads of an `up`, from its start on, with a mark where each snapshot landed. */
export class RunLogs {
  readonly #options: RunLogsOptions;
  readonly #format: EntryFormat;
  readonly #logs = new Map<string, FollowedLogs>();
  /** The snapshot that the last mark of each target is about. */
  readonly #marked = new Map<string, number>();

  constructor(options: RunLogsOptions) {
    this.#options = options;
    this.#format = new EntryFormat(options.paint);
  }

  members(workload: ResolvedWorkload, changes: readonly MemberChange[]): void {
    const key = `${workload.ref.namespace}/${workload.name}`;
    const known = this.#logs.get(key) ?? this.#follow(workload);
    this.#logs.set(key, known);
    known.update(changes);
  }

  /** A target that got a snapshot gets a mark between its lines; in JSON the event itself is the mark. */
  event(event: EngineEvent): void {
    if (event.event !== "synced" || this.#options.json || event.files + event.deleted === 0) return;
    const { pod, uid, container, namespace, role, index, snapshot } = event;
    const key = `${uid}/${container}`;
    if (this.#marked.get(key) === snapshot) return;
    this.#marked.set(key, snapshot);
    const part = [role, index].filter((each) => each !== undefined).join(" ");
    const source: LogSource = { namespace, pod, uid, container, label: part === "" ? pod : part };
    void this.#options.reporter.log(this.#format.mark(source, `snapshot ${snapshot}`));
  }

  #follow({ name: workload, ref: { namespace } }: ResolvedWorkload): FollowedLogs {
    const { cluster, roles, container, signal, reporter, json } = this.#options;
    // What was written before this run is for `kinsync logs`.
    const logs = followLogs({ cluster, roles, container, tail: 0, signal });
    const print = async (): Promise<void> => {
      for await (const entry of logs.entries) {
        await reporter.log(json ? JSON.stringify(jsonOf(entry, { workload, namespace })) : this.#format.entry(entry));
      }
    };
    print().catch((error: unknown) => {
      const { message, hint } = asKinsyncError(error);
      if (!signal.aborted) reporter.note(`the logs of ${workload} end here: ${message}. ${hint}`, "logs");
    });
    return logs;
  }
}
