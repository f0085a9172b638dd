import { afterAll, onTestFailed, onTestFinished, test } from "vitest";
import { Stage } from "./fixture.ts";
import { closeWorld, openWorld } from "./test-cluster.ts";
import type { Need } from "./needs.ts";

afterAll(closeWorld);

export interface SituationOptions {
  /** Without these it is skipped, with the reason. */
  readonly needs?: readonly Need[];
  /** Why the playground cannot play it, where its lack of what is needed does not tell. */
  readonly unplayable?: string;
  /** Milliseconds. Default: two minutes. */
  readonly timeout?: number;
}

/** A test on a stage of its own. */
export function situation(name: string, options: SituationOptions, play: (stage: Stage) => Promise<void>): void {
  test(name, { timeout: options.timeout ?? 120_000 }, async ({ skip, signal }) => {
    const world = await openWorld();
    for (const need of ["paths", ...(options.needs ?? [])] as const) {
      const lack = await world.lacks(need);
      if (lack !== undefined) skip(world.settings.world === "playground" ? (options.unplayable ?? lack) : lack);
    }
    const stage = await Stage.open(world, signal, name);
    // Runs after a time-out too, where the situation itself is never told.
    onTestFinished(() => stage[Symbol.asyncDispose]());
    onTestFailed(() => void process.stderr.write(`${name}\n${stage.report()}\n`));
    await play(stage);
    await stage.keepRecording();
  });
}
