import { expect } from "vitest";
import type { Batch } from "../../../../src/contract/transport.ts";
import { isCoordinated } from "../../../../src/engine/actions/coordinator.ts";
import type { EngineEvent } from "../../../../src/engine/events.ts";
import type { TargetView } from "../../../../src/engine/options.ts";
import type { ResolvedAction } from "../../../../src/mapping/action.ts";
import { isLeader, isDueAfter } from "../../../../src/sync/actions/due.ts";
import { isByWrapper } from "../../../../src/sync/actions/steps.ts";
import { containerIdOf, uidOf, type Environment } from "../../support/environment.ts";
import { ALL_MAPPINGS, isFile, rootKeyOf, TEAMS, teamOf, VOLUMES, type Model, type Team } from "../../support/model.ts";
import type { Change, ContainerLog, Retry, Run } from "./container-log.ts";
import { markOf } from "./history-actions.ts";

const SHARED_ROOTS = new Set(
  ALL_MAPPINGS.filter(({ to }) => VOLUMES.some(({ at }) => to === at || to.startsWith(`${at}/`))).map(rootKeyOf),
);

/**
 * Watches which commands run in which containers, and compares that with what the containers got: the rules of `run` and `restart`, from
 * nothing but the steps of a history and the batches that arrived.
 */
export class ActionWatch {
  readonly problems: string[] = [];
  readonly #environment: Environment;
  readonly #model: Model;
  readonly #actions: readonly ResolvedAction[];
  readonly #logs = new Map<string, ContainerLog>();
  readonly #retries: Retry[] = [];
  /** Moments at which a snapshot was released that touched an action, by workload. */
  readonly #touched = new Map<
    string,
    { readonly at: number; readonly snapshot: number; readonly paths: readonly string[] }[]
  >();
  /** Workloads whose members are committing. */
  readonly #moving = new Set<string>();
  #now = 0;

  constructor(environment: Environment, model: Model, actions: readonly ResolvedAction[]) {
    this.#environment = environment;
    this.#model = model;
    this.#actions = actions;
    environment.onContainer = (container, id) => {
      const log: ContainerLog = { container, changes: [], opens: [], runs: new Map() };
      // Half of the containers, in every history the same ones.
      container.isHeld = isByWrapperIn(actions) && id.length % 2 === this.#logs.size % 2;
      this.#logs.set(id, log);
      container.onBatch = (what, batch) => void log.changes.push(this.#change(what, batch));
      container.onOpen = () => void log.opens.push(this.#tick());
      container.onCommand = (what, command, exitCode) => this.#onCommand({ id, log }, { what, command, exitCode });
    };
    const before = environment.onEvent;
    environment.onEvent = (event) => {
      before(event);
      this.#onEvent(event);
    };
  }

  /** The user, or a step of the history, retries or dismisses what failed. */
  note(why: Retry["why"]): void {
    this.#retries.push({ at: this.#tick(), why });
  }

  #tick(): number {
    this.#now += 1;
    return this.#now;
  }

  #change(what: Change["what"], { root, entries, snapshot }: Batch): Change {
    const mapping = ALL_MAPPINGS.find((each) => rootKeyOf(each) === root.key);
    const isSingle = mapping !== undefined && isFile(mapping);
    const paths = entries.map(({ path }) => (isSingle ? (mapping.from.split("/").at(-1) ?? "") : path));
    return { at: this.#tick(), what, root: root.key, snapshot, paths };
  }

  #onEvent(event: EngineEvent): void {
    if (event.event === "snapshot") {
      const all = this.#touched.get(event.workload) ?? [];
      all.push({ at: this.#tick(), snapshot: event.snapshot, paths: event.paths });
      this.#touched.set(event.workload, all);
    }
    if (event.event !== "gang") return;
    if (event.phase === "released") this.#moving.add(event.workload);
    if (event.phase !== "released" && event.phase !== "held") this.#moving.delete(event.workload);
  }

  #onCommand(
    { id, log }: { readonly id: string; readonly log: ContainerLog },
    {
      what,
      command,
      exitCode,
    }: { readonly what: "begins" | "ends"; readonly command: string; readonly exitCode?: number | undefined },
  ): void {
    const action = this.#actions.find((each) => isNamed(command, markOf(each)));
    if (action === undefined) {
      this.problems.push(`${id}: an unknown command ran: ${command}`);
      return;
    }
    const runs = log.runs.get(action) ?? [];
    log.runs.set(action, runs);
    const last = runs.at(-1);
    const isStart = command.includes("kinsync-restart,start");
    if (what === "begins" && !isStart) {
      runs.push({ begin: this.#tick(), end: this.#now, how: "runs" });
      this.#checkBegin({ id, log, action, runs });
    } else if (what === "ends" && last !== undefined) {
      last.end = this.#tick();
      const isStop = command.includes("kinsync-restart,stop");
      if (exitCode !== 0) last.how = "failed";
      else if (!isStop) last.how = "succeeded";
    } else if (isStart && last?.how !== "runs") this.problems.push(`${id}: a start without a stop before it`);
  }

  /** A command begins for a reason: files of its `when` arrived, or its last run did not succeed and gets another attempt. */
  #checkBegin({
    id,
    log,
    action,
    runs,
  }: {
    readonly id: string;
    readonly log: ContainerLog;
    readonly action: ResolvedAction;
    readonly runs: readonly Run[];
  }): void {
    const run = runs.at(-1);
    const former = runs.at(-2);
    if (run === undefined) return;
    const name = `${markOf(action)} in ${id}`;
    if (runs.slice(0, -1).some(({ how }) => how === "succeeded") && action.once === true)
      this.problems.push(`${name} has succeeded before, and is to run once`);
    // One that waits for other members does not join a later change: it runs once more for that.
    const since = (isCoordinated(action) ? runs.at(-3) : former)?.begin ?? 0;
    const shared = [...this.#logs.values()].flatMap(({ changes }) =>
      changes.filter(({ root }) => SHARED_ROOTS.has(root)),
    );
    const isDue = [...log.changes, ...shared].some(({ at, paths }) => at > since && isDueAfter(action, paths));
    if (isDue || (isByWrapper(action) && log.container.isHeld)) return;
    if (former === undefined) {
      this.problems.push(`${name} ran, and nothing of its paths had arrived`);
      return;
    }
    if (former.how === "succeeded") {
      // What a marker owes may be older than the success, where the connection was lost before it was recorded.
      const isNew = log.opens.some((at) => at > former.begin);
      // Whoever takes over a shared folder from a container that failed inherits what its marker owes.
      const inherits = log.changes.some(({ at, root }) => at > former.begin && SHARED_ROOTS.has(root));
      if (!isNew && !inherits) this.problems.push(`${name} ran again after its success, and nothing had changed`);
      return;
    }
    const again = [
      ...this.#retries.filter(({ why }) => why === "retry").map(({ at }) => at),
      ...log.opens,
      ...log.changes.map(({ at }) => at),
      ...shared.map(({ at }) => at),
    ];
    if (!again.some((at) => at > former.begin)) this.problems.push(`${name} was repeated, and nobody had asked for it`);
  }

  /** At rest: every due command ran after the files that made it due, or the status shows why it did not. */
  expectAtRest(): void {
    expect(this.problems).toEqual([]);
    for (const team of [TEAMS[0]]) {
      const workload = this.#environment.engine.view().workloads.find(({ name }) => name === `team/${team}`);
      // Commands follow when all members of a gang have committed.
      if (workload?.gang !== undefined) continue;
      const targets = workload?.targets ?? [];
      const allFailed = targets.flatMap(({ failedRuns = [] }) => failedRuns);
      for (const pod of this.#model.pods) {
        if (!pod.spec.isRunning || this.#model.mappingsOf(pod, team).length === 0 || this.#model.isTaken(pod, team))
          continue;
        const id = containerIdOf(pod.spec);
        const target = targets.find(({ uid, containerId }) => uid === uidOf(pod.spec) && containerId === id);
        if (target === undefined) continue;
        const failed = target.failedRuns ?? [];
        if (target.status === "failed" && !failed.some(({ holds }) => holds)) continue;
        if (target.status !== "synced" && target.status !== "failed") continue;
        for (const action of this.#actions) {
          if (action.on === "leader" && !isLeader(pod.spec)) continue;
          if (action.roles !== undefined && !action.roles.includes(pod.spec.role ?? "")) continue;
          this.#expectRan({ team, id, action, target, allFailed });
          this.#expectStarted({ id, action, target, allFailed });
        }
        this.#expectTrueFailures(id, team, target);
      }
    }
  }

  #expectRan({
    team,
    id,
    action,
    target,
    allFailed,
  }: {
    readonly team: Team;
    readonly id: string;
    readonly action: ResolvedAction;
    readonly target: TargetView;
    readonly allFailed: NonNullable<TargetView["failedRuns"]>;
  }): void {
    const log = this.#logs.get(id);
    if (log === undefined) return;
    const due = log.changes.findLast(
      ({ what, root, paths }) =>
        what === "applied" &&
        !SHARED_ROOTS.has(root) &&
        ALL_MAPPINGS.some((each) => rootKeyOf(each) === root && teamOf(each) === team) &&
        isDueAfter(action, paths),
    );
    if (due === undefined) return;
    const isMine = ({ command }: { readonly command: string }): boolean =>
      isNamed(command, markOf(action)) || (action.restart !== undefined && command.startsWith("restart:"));
    const failed = target.failedRuns ?? [];
    if (failed.some((each) => isMine(each) || each.holds)) return;
    // Another member's failure keeps this one from running it.
    if ((action.on === "one" || action.onFailure === "hold") && allFailed.some(isMine)) return;
    if (this.#retries.some(({ at, why }) => why === "dismiss" && at > due.at)) return;
    const runs = (action.on === "one" ? [...this.#logs.values()] : [log]).flatMap(
      (each) => each.runs.get(action) ?? [],
    );
    const name = `${markOf(action)} of ${team} in ${id}: ${target.status}, ${target.reason}`;
    if (action.once === true) {
      expect(
        runs.some(({ how }) => how === "succeeded"),
        `${name}, once`,
      ).toBe(true);
      return;
    }
    const since = action.on === "one" ? this.#lastTouch(team, action, due.snapshot) : due.at;
    expect(
      runs.some(({ begin, how }) => how === "succeeded" && begin > since),
      `${name}: due at ${since}, ran at ${JSON.stringify(runs)}`,
    ).toBe(true);
  }

  /** A process that the wrapper holds starts when the files are there. */
  #expectStarted({
    id,
    action,
    target,
    allFailed,
  }: {
    readonly id: string;
    readonly action: ResolvedAction;
    readonly target: TargetView;
    readonly allFailed: NonNullable<TargetView["failedRuns"]>;
  }): void {
    const log = this.#logs.get(id);
    if (log === undefined || !isByWrapper(action)) return;
    const isFailed = [...(target.failedRuns ?? []), ...allFailed].some(
      ({ command, holds }) => holds || command.startsWith("restart:"),
    );
    const isDismissed = this.#retries.some(({ why }) => why === "dismiss");
    if (!isFailed && !isDismissed) expect(log.container.isHeld, `${id} is held: ${target.reason}`).toBe(false);
  }

  /** When the newest snapshot up to this one was released that touched an action. */
  #lastTouch(team: Team, action: ResolvedAction, snapshot: number): number {
    const touches = this.#touched.get(`team/${team}`) ?? [];
    return touches.findLast((each) => each.snapshot <= snapshot && isDueAfter(action, each.paths))?.at ?? 0;
  }

  /** A command counts as failed where its last run failed, and nowhere else. */
  #expectTrueFailures(id: string, team: Team, { failedRuns = [], status, reason }: TargetView): void {
    const log = this.#logs.get(id);
    for (const { command } of failedRuns) {
      const action = this.#actions.find(
        (each) => isNamed(command, markOf(each)) || (each.restart !== undefined && command.startsWith("restart:")),
      );
      const runs = (action && log?.runs.get(action)) ?? [];
      expect(
        runs.some(({ how }) => how !== "succeeded"),
        `${command} of ${team} in ${id}: ${JSON.stringify(runs)}`,
      ).toBe(true);
    }
    const holds = failedRuns.some((each) => each.holds);
    expect(status, `${id} of ${team}: ${reason}`).toBe(holds ? "failed" : "synced");
  }

  /** Commands do not wait or run for ever. */
  get count(): number {
    return [...this.#logs.values()]
      .flatMap(({ runs }) => [...runs.values()])
      .reduce((sum, runs) => sum + runs.length, 0);
  }
}

function isByWrapperIn(actions: readonly ResolvedAction[]): boolean {
  return actions.some(isByWrapper);
}

/** The name ends there: `act-one` is not `act-one-hold`. */
function isNamed(command: string, mark: string): boolean {
  return new RegExp(`${mark}(?![\\w-])`).test(command);
}
