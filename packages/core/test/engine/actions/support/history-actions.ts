import fc from "fast-check";
import { restartAction, type ResolvedAction } from "../../../../src/mapping/action.ts";
import { POD_NAMES } from "../../support/model.ts";
import type { MoreSteps } from "../../support/any-history.ts";

const RUN = { timeout: 1_000 } as const;

/** Commands by the rule that they try. A container finds them by their names. */
const COMMANDS: readonly ResolvedAction[] = [
  { ...RUN, command: "act-every", when: ["f"] },
  { ...RUN, command: "act-hold", when: ["f", "g"], onFailure: "hold" },
  { ...RUN, command: "act-folder", when: ["d/"] },
  { ...RUN, command: "act-once", when: ["**"], once: true },
  { ...RUN, command: "act-once-hold", when: ["g", "h"], once: true, onFailure: "hold" },
  { ...RUN, command: "act-one", when: ["f"], on: "one" },
  { ...RUN, command: "act-one-hold", when: ["g"], on: "one", onFailure: "hold" },
  { ...RUN, command: "act-leader", when: ["**"], on: "leader" },
  { ...RUN, command: "act-workers", when: ["f", "d/"], roles: ["worker"] },
  { ...RUN, command: "act-order", when: ["f"], order: ["worker", "head"] },
  { ...RUN, command: "act-order-hold", when: ["f", "g"], order: ["worker", "head"], onFailure: "hold" },
  restartAction({ order: ["worker", "head"] }),
  restartAction({ when: ["f"], onFailure: "hold" }),
];

const aPod = fc.nat(POD_NAMES.length - 1);

/** Some of the commands, in the order of a config; a restart is the last one. */
export const someActions: fc.Arbitrary<ResolvedAction[]> = fc
  .subarray([...COMMANDS], { minLength: 1, maxLength: 4 })
  .filter((actions) => actions.filter(({ restart }) => restart !== undefined).length <= 1);

/** What its command is found by in a container. */
export function markOf({ restart, command }: ResolvedAction): string {
  return restart === undefined ? String(command) : "kinsync-restart";
}

/** A restart fails in either step. */
function failing(action: ResolvedAction): readonly string[] {
  return action.restart === undefined ? [markOf(action)] : ["kinsync-restart,stop", "kinsync-restart,start"];
}

/** Steps that make these commands fail, succeed, take long, and be dismissed. */
export const actionSteps = (actions: readonly ResolvedAction[]): MoreSteps => [
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("command" as const),
      pod: aPod,
      command: fc.constantFrom(...actions.flatMap(failing)),
      exitCode: fc.constantFrom(1, 1, 0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("slow-command" as const), pod: aPod }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("dismiss" as const) }) },
];
