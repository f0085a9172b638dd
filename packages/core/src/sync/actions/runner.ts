import type { RunResult } from "../../contract/action.ts";
import type { HostedSession } from "../../contract/session.ts";
import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import { stepsOf, type ActionStep } from "./steps.ts";
import type { ActionTurns } from "./turns.ts";

/** A step of an action, and how it ended. */
export interface StepResult extends Pick<ActionStep, "name" | "text"> {
  readonly result: RunResult | KinsyncError;
  readonly ok: boolean;
}

/** How an action ended in a target. `skipped`: it did not run, and stays owed. */
export type ActionEnd = "succeeded" | "failed" | "skipped";

export interface ActionRunnerOptions {
  /** The session to run commands in; opens one where none is open. */
  readonly session: () => Promise<HostedSession>;
  /** `pod/NAME, container NAME`, for messages. */
  readonly target: string;
  readonly turns: ActionTurns | undefined;
  /** An action before it failed in such a way that this one may not run. */
  readonly isHeldBack: (action: ResolvedAction) => boolean;
  readonly onStep: (action: ResolvedAction, step: StepResult) => void;
  /** `turn`: that of the last change that made it due. */
  readonly onEnd: (action: ResolvedAction, how: ActionEnd, turn: number) => void;
  /** The number of commands that are due or running changed. */
  readonly onChange: () => void;
  /** Aborts when the target ends. */
  readonly signal: () => AbortSignal;
}

interface Due {
  readonly action: ResolvedAction;
  readonly turn: number;
  /** Number of the oldest snapshot that it is due for. */
  readonly snapshot: number;
}

/** An action that waits or runs in a target. */
export interface PendingAction {
  readonly action: ResolvedAction;
  readonly phase: "waiting" | "running";
  /** Number of the oldest snapshot that it follows; 0: of an earlier one, which it is repeated for. */
  readonly snapshot: number;
}

/** Runs the due actions of one target, one after the other. One that failed is reported, and not repeated by itself. */
export class ActionRunner implements AsyncDisposable {
  readonly #options: ActionRunnerOptions;
  #waiting: Due[] = [];
  #running: Promise<void> | undefined;
  #current: Due | undefined;
  #isOver = false;

  constructor(options: ActionRunnerOptions) {
    this.#options = options;
  }

  /** Actions that are due or running. */
  get pending(): number {
    return this.#waiting.length + (this.#running === undefined ? 0 : 1);
  }

  /** The action that runs. */
  get current(): ResolvedAction | undefined {
    return this.#current?.action;
  }

  /** The action waits or runs. */
  has(action: ResolvedAction): boolean {
    return this.#current?.action === action || this.#waiting.some((due) => due.action === action);
  }

  /** The one that runs, then those that wait. */
  get due(): readonly PendingAction[] {
    const running = this.#current === undefined ? [] : [{ ...this.#current, phase: "running" as const }];
    return [...running, ...this.#waiting.map((each) => ({ ...each, phase: "waiting" as const }))].map(
      ({ action, phase, snapshot }) => ({ action, phase, snapshot }),
    );
  }

  /** An action that waits already runs once, for both changes. */
  enqueue(actions: readonly ResolvedAction[], turn: number, snapshot: number): void {
    const fresh = new Set(actions);
    const before = new Map(this.#waiting.map((each) => [each.action, each.snapshot]));
    this.#waiting = this.#waiting.filter(({ action }) => !fresh.has(action));
    for (const action of actions) {
      this.#waiting.push({ action, turn, snapshot: Math.min(snapshot, before.get(action) ?? snapshot) });
    }
    this.#options.turns?.queue(actions);
    this.#next();
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const due = this.#waiting.shift();
    if (due === undefined) return;
    this.#current = due;
    // Nothing begins before the caller has returned.
    this.#running = Promise.resolve()
      .then(() => this.#run(due))
      .finally(() => {
        this.#running = undefined;
        this.#current = undefined;
        this.#next();
        this.#options.onChange();
      });
  }

  async #run({ action, turn }: Due): Promise<void> {
    const { isHeldBack, turns, onEnd } = this.#options;
    const end = isHeldBack(action) ? "skipped" : await this.#steps(action);
    if (turns?.depends(action) === true) turns.leave(action, end);
    if (!this.#isOver) onEnd(action, end, turn);
  }

  async #steps(action: ResolvedAction): Promise<ActionEnd> {
    const { session, turns, onStep, target } = this.#options;
    const signal = this.#options.signal();
    let text: string | undefined;
    try {
      for (let at = 0, steps: readonly ActionStep[] = []; at === 0 || at < steps.length; at += 1) {
        if (signal.aborted) return "skipped";
        const answer = turns?.depends(action) === true ? await turns.enter(action, at) : "run";
        if (answer === "done") return "succeeded";
        if (answer !== "run") return "skipped";
        const open = await session();
        if (at === 0) steps = stepsOf(action, open.facts.incarnation);
        const step = steps[at] as ActionStep;
        text = step.text;
        const result = await open.run(step.command, { timeout: action.timeout, signal });
        const ok = result.exitCode === 0;
        if (this.#isOver) return "skipped";
        onStep(action, { name: step.name, text, result, ok });
        if (!ok) return "failed";
      }
      return "succeeded";
    } catch (error) {
      if (signal.aborted) return "skipped";
      const [step] = stepsOf(action, "");
      text ??= step?.text ?? "";
      const what = `${target}: cannot run the command ${JSON.stringify(text)}`;
      const result = asKinsyncError(error, what, { retry: "retry" });
      onStep(action, { name: step?.name ?? "run", text, result, ok: false });
      return "failed";
    }
  }

  /** Settles when the action that runs has ended; the others do not run. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const dropped = this.#waiting.splice(0);
    for (const { action } of dropped) this.#options.turns?.leave(action, "skipped");
    await this.#running;
  }
}
