import { commandRequirements } from "./commands.ts";
import type { TransportEnvironment } from "./environment.ts";
import { fileRequirements } from "./files.ts";
import { Fixture } from "./fixture.ts";
import { foreignLinkRequirements } from "./foreign-links.ts";
import { inventoryRequirements } from "./inventory.ts";
import { livenessRequirements } from "./liveness.ts";
import { ownershipRequirements } from "./ownership.ts";
import { placeRequirements } from "./places.ts";
import { pullRequirements } from "./pulls.ts";
import { NotApplicable, reasonToSkip, type Requirement } from "./requirement.ts";
import { stagingRequirements } from "./staging.ts";
import { transferRequirements } from "./transfer.ts";

/** What a test runner gives to a test: vitest and `node:test` both do. */
export interface ConformanceTest {
  /** Reports the test as skipped. */
  skip(reason: string): void;
}

export interface TransportConformanceOptions {
  /** Declares one test: `test` of vitest or of `node:test`. */
  readonly test: (name: string, run: (context: ConformanceTest) => Promise<void>) => void;
}

/** Milliseconds in which every requirement is met, or is not. */
const LIMIT_MS = 20_000;

const REQUIREMENTS: readonly Requirement[] = [
  ...fileRequirements,
  ...foreignLinkRequirements,
  ...inventoryRequirements,
  ...stagingRequirements,
  ...transferRequirements,
  ...ownershipRequirements,
  ...placeRequirements,
  ...livenessRequirements,
  ...commandRequirements,
  ...pullRequirements,
];

/**
 * Checks a transport against what the contract requires. Declares one test for each requirement and makes a new environment for each.
 * A requirement that needs a capability which the transport does not claim, or something that the environment cannot do, is reported as
 * skipped, with the reason.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * transportConformance(() => makeMyEnvironment(), { test });
 * ```
 */
export function transportConformance(
  makeEnvironment: () => Promise<TransportEnvironment>,
  options: TransportConformanceOptions,
): void {
  for (const requirement of REQUIREMENTS) {
    options.test(requirement.name, async (context) => {
      await using fixture = new Fixture(await makeEnvironment());
      const reason =
        reasonToSkip(requirement, fixture.capabilities, fixture.environment) ?? (await check(requirement, fixture));
      if (reason === undefined) return;
      if (typeof (context as Partial<ConformanceTest> | undefined)?.skip !== "function") {
        throw new Error(`${reason}; the test runner gives tests no \`skip\`, so this cannot be reported as skipped`);
      }
      context.skip(reason);
    });
  }
}

/** Rejects where the requirement is not met. Returns why it does not apply, where that is found out only now. */
async function check(requirement: Requirement, fixture: Fixture): Promise<string | undefined> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`a call did not settle within ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  try {
    await Promise.race([requirement.check(fixture), late.promise]);
    return undefined;
  } catch (error) {
    if (error instanceof NotApplicable) return error.message;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
