import { z } from "zod";
import { GANG_FAILURES, UPDATE_MODES, type Quorum, type UpdateConfig } from "../contract/config.ts";
import { described, type Shape } from "../document/shape.ts";
import { durationMs, MAX_TIMER_MS } from "../time/duration.ts";
import { UPDATE_KEYS } from "./descriptions.ts";

const quorum = z
  .custom<Quorum>(
    (value) =>
      value === "all" ||
      (typeof value === "number" && Number.isInteger(value) && value > 0) ||
      (typeof value === "string" && /^(?:[1-9]\d?|100)%$/.test(value)),
    { error: "must be all, a number of members from 1 on, or a share such as 80%" },
  )
  .meta({
    anyOf: [{ const: "all" }, { type: "integer", minimum: 1 }, { type: "string", pattern: "^([1-9][0-9]?|100)%$" }],
  });

/** The options of `update`. */
export const update = z
  .strictObject(
    described(
      {
        mode: z.enum(UPDATE_MODES),
        quorum: quorum.optional(),
        timeout: z
          .string()
          .refine((value) => durationMs(value) !== undefined, { error: "must be a time such as 30s, 500ms or 2m" })
          .refine((value) => (durationMs(value) ?? 0) <= MAX_TIMER_MS, { error: "must not be longer than 24 days" })
          .optional(),
        onFailure: z.enum(GANG_FAILURES).optional(),
      } satisfies Shape<UpdateConfig>,
      UPDATE_KEYS,
    ),
  )
  .superRefine(({ mode, ...options }, context) => {
    const [name] = mode === "gang" ? [] : Object.keys(options);
    if (name === undefined) return;
    context.addIssue({
      code: "custom",
      path: [name],
      message: "needs `mode: gang`: without it, no container waits for another",
    });
  });

/** A mode alone is short for an object with it. */
export const updateRule = z.preprocess((value) => (typeof value === "string" ? { mode: value } : value), update);

/** Adds the mode alone to the JSON schema of `update`. */
export function addShortForm(schema: z.core.JSONSchema.BaseSchema): void {
  const { type, properties, required, additionalProperties } = schema;
  for (const key of ["type", "properties", "required", "additionalProperties"] as const) delete schema[key];
  schema.anyOf = [
    { type: "string", enum: [...UPDATE_MODES] },
    { type, properties, required, additionalProperties } as z.core.JSONSchema.JSONSchema,
  ];
}
