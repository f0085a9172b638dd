// The keys of a workload that run something.
import { z } from "zod";
import {
  FAILURE_RULES,
  RUN_MEMBERS,
  type HooksConfig,
  type RebuildAction,
  type RestartAction,
  type RunAction,
} from "../contract/action.ts";
import { described, type Shape } from "../document/shape.ts";
import { MAX_TIMER_MS } from "../time/duration.ts";
import { HOOKS_KEYS, REBUILD_KEYS, RESTART_KEYS, RUN_KEYS } from "./descriptions.ts";
import { pattern, roles, text, texts } from "./schema-parts.ts";

const order = texts.optional();
/** Milliseconds of a timer. */
const limit = z.int().min(0).max(MAX_TIMER_MS);
const onFailure = z.enum(FAILURE_RULES).optional();
const variables = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "must be the name of a variable" }),
  // oxlint-disable-next-line no-control-regex
  z.string().regex(/^[^\u0000]*$/, { error: "must not contain NUL" }),
);

export const run = z
  .strictObject(
    described(
      {
        when: z.array(pattern).min(1),
        command: z.union([text, texts]),
        roles,
        timeout: limit.min(1).optional(),
        once: z.boolean().optional(),
        on: z.enum(RUN_MEMBERS).optional(),
        order,
        workdir: text.optional(),
        env: variables.optional(),
        onFailure,
        showOutput: z.boolean().optional(),
      } satisfies Shape<RunAction>,
      RUN_KEYS,
    ),
  )
  .refine((value) => value.order === undefined || value.on !== "one", {
    path: ["order"],
    error: "orders members, and `on: one` has one only: leave one of them out",
  });

export const restart = z
  .strictObject(
    described(
      {
        when: z.array(pattern).min(1).optional(),
        roles,
        order,
        signal: z
          .string()
          .regex(/^(?!SIG)[A-Z][A-Z0-9+-]*$/, { error: "must be the name of a signal without SIG: HUP, TERM, USR1" })
          .optional(),
        process: text.optional(),
        pidFile: text.optional(),
        grace: limit.optional(),
        settle: limit.optional(),
        onFailure,
      } satisfies Shape<RestartAction>,
      RESTART_KEYS,
    ),
  )
  .superRefine(({ signal, process, pidFile, grace, settle }, context) => {
    const unused = grace === undefined ? "settle" : "grace";
    if (signal !== undefined && (grace ?? settle) !== undefined) {
      context.addIssue({
        code: "custom",
        path: [unused],
        message: "is for `kinsync wrapper`, and with `signal` the process restarts itself: leave one of them out",
      });
    }
    const named = pidFile === undefined ? "process" : "pidFile";
    if (process !== undefined && pidFile !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["pidFile"],
        message: "names a process, and `process` does, too: leave one of them out",
      });
    } else if (signal === undefined && (process ?? pidFile) !== undefined) {
      context.addIssue({
        code: "custom",
        path: [named],
        message: "needs `signal`: without one, `kinsync wrapper` restarts its own process",
      });
    }
  });

export const rebuild = z.strictObject(
  described(
    {
      when: z.array(pattern).min(1),
      command: z.union([text, texts]),
      timeout: limit.min(1).optional(),
    } satisfies Shape<RebuildAction>,
    REBUILD_KEYS,
  ),
);

export const hooks = z.strictObject(
  described(
    {
      before: z.union([text, texts]).optional(),
      after: z.union([text, texts]).optional(),
      timeout: limit.min(1).optional(),
    } satisfies Shape<HooksConfig>,
    HOOKS_KEYS,
  ),
);
