import type { EngineEvent } from "../engine/events.ts";
import type { Engine, EngineOptions } from "../engine/options.ts";
import type { KinsyncError } from "../errors/error.ts";
import { obstacleOf, outcomeOf, type RunResult } from "./run-result.ts";

/** Milliseconds that `once` gives members a chance to appear that have a role or a container which none has yet. */
const APPEARANCE_MS = 5_000;

/** Runs an engine to its end and disposes of it. */
export async function runEngine(
  options: EngineOptions,
  onStart: ((engine: Engine) => void) | undefined,
): Promise<RunResult> {
  const { createEngine } = await import("../engine/engine.ts");
  const { mode, workloads, signal } = options;
  const giveUp = new AbortController();
  let problem: KinsyncError | undefined;
  let timer: NodeJS.Timeout | undefined;

  function onEvent(event: EngineEvent): void {
    options.onEvent(event);
    // `watch` goes on: what is missing may be created any time. `once` has to end with an answer, and soon.
    if (mode === "watch" || timer !== undefined || !isObstacle(event)) return;
    timer = setTimeout(
      () => {
        problem = obstacleOf(workloads, engine.view());
        if (problem === undefined) timer = undefined;
        else giveUp.abort(problem);
      },
      Math.min(APPEARANCE_MS, options.wait ?? APPEARANCE_MS),
    );
  }

  const engine = createEngine({ ...options, signal: AbortSignal.any([signal, giveUp.signal]), onEvent });
  try {
    onStart?.(engine);
    const summaries = await engine.run();
    problem ??= mode === "once" && !signal.aborted ? obstacleOf(workloads, engine.view()) : undefined;
    return { summaries, outcome: outcomeOf(summaries, problem) };
  } finally {
    clearTimeout(timer);
    await engine[Symbol.asyncDispose]();
  }
}

/** What keeps a workload from having targets, and will not pass by waiting. */
function isObstacle(event: EngineEvent): boolean {
  return event.event === "note" && /^KINSYNC_(?:RESOLVE|CLUSTER)_/.test(event.code);
}
