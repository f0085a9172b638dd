import type { RunAction, RunResult } from "../contract/action.ts";
import { isKinsyncError, type KinsyncError } from "../errors/error.ts";
import type { EngineEvent } from "./events.ts";
import type { Member, Resolution } from "../resolve/resolution.ts";
import { commandText } from "../sync/actions/due.ts";
import type { EligibleContainer } from "../resolve/select/eligible.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";

/** An event without what every event of one workload has in common. */
type Told = EngineEvent extends infer Event
  ? Event extends EngineEvent
    ? Omit<Event, "time" | "workload">
    : never
  : never;

/** How events name a target. */
export interface TargetNames {
  readonly pod: string;
  readonly uid: string;
  readonly role?: string;
  readonly index?: string;
  readonly container: string;
}

/** How events name a member's container. */
export function namesOf(member: Member, container: string): TargetNames {
  return { ...memberNames(member), container };
}

function memberNames(member: Member): Omit<TargetNames, "container"> {
  return {
    pod: member.name,
    uid: member.uid,
    ...(member.role === undefined ? {} : { role: member.role }),
    ...(member.index === undefined ? {} : { index: member.index }),
  };
}

/** What one workload tells the world: each thing when it changes, and not again. */
export class WorkloadEvents {
  readonly #workload: string;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #members = new Map<string, Member>();
  readonly #waiting = new Map<string, string>();
  readonly #notes = new Set<string>();
  #absence: string | undefined;
  #failedRuns = 0;

  constructor(workload: string, onEvent: (event: EngineEvent) => void) {
    this.#workload = workload;
    this.#onEvent = onEvent;
  }

  /** Commands that failed so far. */
  get failedRuns(): number {
    return this.#failedRuns;
  }

  tell(told: Told): void {
    this.#onEvent({ ...told, time: new Date().toISOString(), workload: this.#workload });
  }

  /** Tells a note the first time. */
  note(code: string, reason: string, hint?: string): void {
    const key = `${code}\0${reason}`;
    if (this.#notes.has(key)) return;
    this.#notes.add(key);
    this.tell({ event: "note", code, reason, ...(hint === undefined ? {} : { hint }) });
  }

  /** Tells which members came, went, or are judged differently. */
  members(resolution: Resolution): void {
    const present = new Set<string>();
    for (const member of resolution.members) {
      present.add(member.uid);
      const before = this.#members.get(member.uid);
      this.#members.set(member.uid, member);
      const isSame =
        before?.state === member.state && before.reason.code === member.reason.code && before.role === member.role;
      if (isSame) continue;
      this.tell({
        event: "member",
        ...memberNames(member),
        state: member.state,
        ...(before === undefined || before.state === member.state ? {} : { previous: before.state }),
        code: member.reason.code,
        reason: member.reason.message,
      });
    }
    for (const [uid, member] of this.#members) {
      if (present.has(uid)) continue;
      this.#members.delete(uid);
      this.tell({
        event: "member",
        ...memberNames(member),
        state: "gone",
        previous: member.state,
        code: "gone",
        reason: "the pod is no more, or no longer the workload's",
      });
    }
  }

  /** Tells which containers do not run, and why. */
  waiting(containers: Iterable<EligibleContainer>): void {
    const present = new Set<string>();
    for (const { key, member, container } of containers) {
      present.add(key);
      const reason = container.waiting ?? "it does not run";
      if (this.#waiting.get(key) === reason) continue;
      this.#waiting.set(key, reason);
      this.tell({ event: "target", ...namesOf(member, container.name), status: "waiting", reason });
    }
    for (const key of this.#waiting.keys()) if (!present.has(key)) this.#waiting.delete(key);
  }

  /** Tells why there is nobody to serve: "0 of 3 members are current: the JobSet is suspended". */
  absence(resolution: Resolution, eligible: number): void {
    const { members, note, root, problems, workload } = resolution;
    let sentence = note?.message;
    if (root === undefined && problems.length === 0) {
      sentence = `${this.#workload} does not exist in namespace ${workload.namespace}; it is waited for`;
    } else if (root !== undefined && eligible === 0) {
      const current = members.filter((member) => member.state === "current").length;
      const why = note === undefined ? "" : `: ${note.message}`;
      sentence =
        current === 0
          ? `0 of ${members.length} members are current${why}`
          : `no mapping wants any of the ${members.length} members by its state, role, index or container`;
    }
    if (sentence === this.#absence) return;
    this.#absence = sentence;
    if (sentence !== undefined)
      this.tell({ event: "note", code: note?.code ?? "no-eligible-member", reason: sentence });
  }

  /** Tells of roles that a mapping names and no member has. */
  roles(resolution: Resolution, mappings: readonly ResolvedMapping[]): void {
    if (resolution.members.length === 0) return;
    const there = new Set(resolution.members.flatMap((member) => (member.role === undefined ? [] : [member.role])));
    for (const mapping of mappings) {
      const lacking = mapping.roles?.filter((role) => !there.has(role)) ?? [];
      if (lacking.length === 0) continue;
      const known = there.size === 0 ? "its members have no roles" : `there are ${[...there].toSorted().join(", ")}`;
      this.note(
        "KINSYNC_RESOLVE_ROLE",
        `${mapping.id}: no member has the role ${lacking.join(", ")}; ${known}`,
        `See kinsync tree ${this.#workload} for the roles that there are.`,
      );
    }
  }

  /** Tells how a command ended in one target. */
  run(of: TargetNames, action: RunAction, result: RunResult | KinsyncError): void {
    const command = commandText(action.command);
    if (isKinsyncError(result)) {
      this.#failedRuns += 1;
      this.tell({ event: "run", ...of, command, ok: false, output: "", duration: 0, reason: result.message });
      return;
    }
    const ok = result.exitCode === 0;
    if (!ok) this.#failedRuns += 1;
    this.tell({
      event: "run",
      ...of,
      command,
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      ok,
      output: result.output,
      duration: result.duration,
      reason: runReason(action, result),
    });
  }
}

function runReason(action: RunAction, result: RunResult): string {
  switch (result.why) {
    case "exited":
      return `ended with exit code ${result.exitCode ?? "unknown"}`;
    case "timeout":
      return `did not end within ${(action.timeout ?? 60_000) / 1000} s and was killed`;
    case "aborted":
      return "was ended with kinsync";
    case "lost":
      return "the connection was lost before it ended";
  }
}
