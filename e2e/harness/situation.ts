import { afterAll, onTestFailed, onTestFinished, test } from "vitest";
import { Fixture } from "./fixture.ts";
import type { Need } from "./needs.ts";
import { closeTestCluster, openTestCluster } from "./test-cluster.ts";

afterAll(closeTestCluster);

export interface SituationOptions {
  /** If the cluster does not meet one of these, the situation is skipped with the reason. */
  readonly needs?: readonly Need[];
  /** Why the playground skips it, if the unmet need does not explain it. */
  readonly skippedOnPlayground?: string;
  /** Milliseconds. Default: two minutes. */
  readonly timeout?: number;
}

/** A test with a fixture of its own. */
export function situation(name: string, options: SituationOptions, body: (fixture: Fixture) => Promise<void>): void {
  test(name, { timeout: options.timeout ?? 120_000 }, async ({ skip, signal }) => {
    const cluster = await openTestCluster();
    for (const need of ["paths", ...(options.needs ?? [])] as const) {
      const lack = await cluster.lacks(need);
      if (lack !== undefined) {
        skip(cluster.settings.target === "playground" ? (options.skippedOnPlayground ?? lack) : lack);
      }
    }
    const fixture = await Fixture.open(cluster, signal, name);
    // Also runs after a time-out, which the body of the situation cannot notice.
    onTestFinished(() => fixture[Symbol.asyncDispose]());
    onTestFailed(() => void process.stderr.write(`${name}\n${fixture.report()}\n`));
    await body(fixture);
    await fixture.writeRecording();
  });
}
