import fc from "fast-check";
import type { GangPolicy } from "../../../../src/mapping/gang-policy.ts";
import { ALL } from "../../gang/support/gang-environment.ts";

/** Commands of a config that run on this machine. */
export const LOCAL_COMMANDS = ["before", "after", "rebuild"] as const;
export type LocalName = (typeof LOCAL_COMMANDS)[number];

/** One step of a history. `pod` is a number of a member. */
export type LocalStep =
  | { readonly do: "save" | "save-dockerfile" | "trigger" | "undo" | "pause" | "resume" | "dismiss" }
  /** From now on the command takes so long, and ends like this. */
  | { readonly do: "command"; readonly name: LocalName; readonly ok: boolean; readonly durationMs: number }
  | { readonly do: "start" | "remove" | "recreate" | "restart"; readonly pod: number };

export interface TimedLocalStep {
  readonly step: LocalStep;
  /** Virtual milliseconds until the next one. */
  readonly wait: number;
}

export interface LocalOptions {
  readonly releases: "auto" | "manual";
  readonly gang: GangPolicy | undefined;
  readonly commands: readonly LocalName[];
}

export interface LocalHistory {
  readonly options: LocalOptions;
  readonly steps: readonly TimedLocalStep[];
}

export const POD_COUNT = 3;

/** A step that matters for a config with these commands. */
function aStep(commands: readonly LocalName[]): fc.Arbitrary<LocalStep> {
  return fc.oneof(
    { weight: 10, arbitrary: fc.constant<LocalStep>({ do: "save" }) },
    { weight: commands.includes("rebuild") ? 6 : 1, arbitrary: fc.constant<LocalStep>({ do: "save-dockerfile" }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("command" as const),
        name: fc.constantFrom(...commands),
        ok: fc.boolean(),
        durationMs: fc.constantFrom(0, 50, 400, 3_000),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom("start" as const, "remove" as const, "recreate" as const, "restart" as const),
        pod: fc.nat(POD_COUNT - 1),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom(
          "trigger" as const,
          "undo" as const,
          "pause" as const,
          "resume" as const,
          "dismiss" as const,
        ),
      }),
    },
  );
}

const WAITS = fc.constantFrom(0, 1, 5, 20, 300, 2_000);

/** Any history of a workload whose config has some of the commands. */
export const aLocalHistory: fc.Arbitrary<LocalHistory> = fc
  .record({
    releases: fc.constantFrom("auto" as const, "auto" as const, "manual" as const),
    gang: fc.constantFrom<(GangPolicy | undefined)[]>(undefined, undefined, ALL, { ...ALL, timeoutMs: 3_000 }),
    commands: fc.subarray([...LOCAL_COMMANDS], { minLength: 1 }),
  })
  .chain((options) =>
    fc.record({
      options: fc.constant(options),
      steps: fc.array(fc.record({ step: aStep(options.commands), wait: WAITS }), { minLength: 1, maxLength: 25 }),
    }),
  );
