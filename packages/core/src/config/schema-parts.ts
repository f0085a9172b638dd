// What the schemas of a config are made of.
import { z } from "zod";
import { brokenPattern } from "../mapping/broken-pattern.ts";

export const text = z.string().min(1);
export const texts = z.array(text).min(1);
const PATTERN_HINT =
  "Write it in gitignore syntax: `*.pyc`, `/build/`, `**/cache`; a backslash before [, ! or # means the character.";
export const pattern = text.superRefine((value, context) => {
  const why = value === "" ? undefined : brokenPattern(value);
  if (why === undefined) return;
  const message = `is ${JSON.stringify(value)}, a pattern ${why}`;
  context.addIssue({ code: "custom", message, params: { hint: PATTERN_HINT } });
});
export const roles = texts.optional();
