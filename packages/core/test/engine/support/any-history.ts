import fc from "fast-check";
import { MEMBER_STATES_FOR_TEST } from "./member-states.ts";
import { ALL_MAPPINGS, POD_NAMES } from "./model.ts";
import type { FaultyOperation, Step, TimedStep } from "./steps.ts";

const aPod = fc.nat(POD_NAMES.length - 1);
const aMapping = fc.nat(ALL_MAPPINGS.length - 1);
const someFiles = fc.constantFrom<Record<string, string>[]>(
  { f: "1" },
  { f: "2", g: "1" },
  { f: "1", "d/": "", "d/x": "1" },
  { d: "a file where a folder was" },
  { f: "-> g", g: "2" },
  { f: "3", "conf/": "", "conf/x": "overridden" },
  { "f.tmp2": "1", h: "2" },
  // Large files, where the limit is low.
  { f: "4", big: "a large file, of one version", "d/": "", "d/big": "a large file in a folder" },
  { f: "5", big: "a large file, of another version" },
);

/** Steps that only some histories have. */
export type MoreSteps = readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> }[];

const anyStep = (operations: readonly FaultyOperation[], more: MoreSteps): fc.Arbitrary<Step> =>
  fc.oneof(
    ...more,
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("save" as const),
        mappings: fc.array(aMapping, { minLength: 1, maxLength: 3 }),
        files: someFiles,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("lose" as const),
        mapping: aMapping,
        state: fc.constantFrom("missing" as const, "empty" as const),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("label" as const),
        pod: aPod,
        state: fc.constantFrom(...MEMBER_STATES_FOR_TEST),
        role: fc.constantFrom("head" as const, "worker" as const, undefined),
        index: fc.constantFrom("0" as const, "1" as const, undefined),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom(
          "start" as const,
          "stop" as const,
          "restart" as const,
          "remove" as const,
          "recreate" as const,
        ),
        pod: aPod,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("own" as const),
        pod: aPod,
        teams: fc.constantFrom<("train" | "eval")[][]>([], ["train"], ["eval"], ["train", "eval"]),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("recreate-team" as const),
        team: fc.constantFrom("train" as const, "eval" as const),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("fail" as const),
        pod: aPod,
        operation: fc.constantFrom(...operations),
        error: fc.constantFrom("lost" as const, "terminal" as const),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("disconnect" as const, "slow" as const), pod: aPod }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom("take-over" as const, "take-volume-over" as const), pod: aPod }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("watches" as const),
        how: fc.constantFrom("drop" as const, "end" as const, "compact" as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("trigger" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("trigger-mapping" as const), mapping: aMapping }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom("pause" as const, "resume" as const),
        team: fc.constantFrom("train" as const, "eval" as const),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("undo" as const), mapping: aMapping, files: someFiles }) },
  );

/** Any history. @param operations of containers that may fail */
export const anyHistory = (operations: readonly FaultyOperation[], more: MoreSteps = []): fc.Arbitrary<TimedStep[]> =>
  fc.array(fc.record({ step: anyStep(operations, more), wait: fc.constantFrom(0, 1, 5, 20, 300, 2_000) }), {
    minLength: 1,
    maxLength: 25,
  });
