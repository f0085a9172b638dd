import { BaseSequencer } from "vitest/node";
import type { TestSequencerConstructor, TestSpecification } from "vitest/node";

/**
 * Starts test files that take long before the others. Vitest knows durations of earlier runs only; in a fresh clone it starts the
 * largest files first, and then waits for a small file that takes long while other cores are idle.
 * @param slowest ends of their paths, in the order in which they start
 */
export function slowestFirst(slowest: readonly string[]): TestSequencerConstructor {
  return class extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
      const rank = ({ moduleId }: TestSpecification): number => {
        const index = slowest.findIndex((path) => moduleId.endsWith(`/${path}`));
        return index === -1 ? slowest.length : index;
      };
      return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
    }
  };
}
