import { z } from "zod";
import type {
  KindRules,
  PodRule,
  RuleChild,
  RuleReason,
  RuleReference,
  RuleRoot,
  RuleWatch,
} from "../contract/rules.ts";
import { MEMBER_STATES } from "../contract/state.ts";
import type { ConfigPath } from "../document/parse.ts";
import type { ProblemWords } from "../document/problems.ts";
import { described, type Shape } from "../document/shape.ts";
import {
  CHILD_KEYS,
  REASON_KEYS,
  REFERENCE_KEYS,
  ROOT_KEYS,
  RULE_KEYS,
  RULES_KEYS,
  WATCH_KEYS,
} from "./descriptions.ts";
import { RULES_SCHEMA_URL } from "./schema-url.ts";

const text = z.string().min(1);
const texts = z.array(text);
const expression = text;
const expressions = z.record(text, expression);
const variable = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, { error: "must be a name of letters, digits and _" });
const code = z
  .string()
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, { error: "must be in kebab-case, such as revision-behind" });
const owner = z.enum(["controller", "any"]).optional();

const resource = {
  group: z.string(),
  version: text,
  kind: text,
  plural: text.optional(),
  namespaced: z.boolean().optional(),
  shortNames: texts.optional(),
};

const root = z.strictObject(
  described({ ...resource, versions: texts.optional() } satisfies Shape<RuleRoot>, ROOT_KEYS),
);

const watchShape = {
  ...resource,
  if: expression.optional(),
  selector: text.optional(),
  owner,
  metadataOnly: z.boolean().optional(),
  optional: z.boolean().optional(),
} satisfies Shape<RuleWatch>;
const watch = z.strictObject(described(watchShape, WATCH_KEYS));

const reasonShape = {
  if: expression.optional(),
  code,
  message: text.optional(),
  evidence: expressions.optional(),
} satisfies Shape<RuleReason>;
const note = z.strictObject(described(reasonShape, REASON_KEYS));
const rule = z.strictObject(
  described({ ...reasonShape, state: z.enum(MEMBER_STATES) } satisfies Shape<PodRule>, RULE_KEYS),
);
const rules = z.array(rule).min(1);

const place = { role: expression.optional(), index: expression.optional(), labels: expressions.optional() };

const child = z.strictObject(
  described(
    {
      ...watchShape,
      ...place,
      delegate: z.boolean().optional(),
      notes: expression.optional(),
      rules: rules.optional(),
    } satisfies Shape<RuleChild>,
    CHILD_KEYS,
  ),
);

const reference = z.strictObject(
  described(
    {
      ...resource,
      name: text,
      if: expression.optional(),
      metadataOnly: z.boolean().optional(),
      optional: z.boolean().optional(),
    } satisfies Shape<RuleReference>,
    REFERENCE_KEYS,
  ),
);

const pods = z.strictObject({ selector: text.optional(), owner });

/** The keys in the order in which a file is written. */
const kindRules = z.strictObject(
  described(
    {
      $schema: z.string().optional(),
      name: text,
      root,
      let: z.record(variable, expression).optional(),
      watches: z.array(watch).optional(),
      children: z.array(child).optional(),
      pods: pods.optional(),
      refers: z.array(reference).optional(),
      ...place,
      rules: rules.optional(),
      notes: z.array(note).optional(),
      roles: z.union([text, texts]).optional(),
      namespaces: expression.optional(),
      container: expression.optional(),
      infrastructure: texts.optional(),
      matchesByLabels: expression.optional(),
    } satisfies Shape<KindRules>,
    RULES_KEYS,
  ),
);

/** Rules of the right shape, or what is wrong with it. Expressions are not looked at. */
export function checkShape(
  value: unknown,
): { readonly rules: KindRules } | { readonly issues: readonly z.core.$ZodIssue[] } {
  const result = kindRules.safeParse(value, { reportInput: true });
  return result.success ? { rules: result.data as KindRules } : { issues: result.error.issues };
}

/** The JSON schema of a file of rules. */
export function rulesJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(kindRules, { io: "input" });
  return { $schema, $id: RULES_SCHEMA_URL, title: "Rules of a kind of kinsync", ...schema };
}

/** For the messages about the shape. */
export const WORDS: ProblemWords = {
  whole: "the file",
  examples: {
    name: "Name the kind in lower case: name: studio",
    root: "Name the resource of the workloads: root: { group: example.com, version: v1, kind: Studio }",
    group: 'Write the API group; that of pods is "".',
    version: "Write the version of the API, such as v1.",
    kind: "Write the kind as a manifest has it, such as Deployment.",
    code: "Name the reason in kebab-case: code: revision-behind",
    state: `Write one of ${MEMBER_STATES.join(", ")}.`,
  },
  renamed: { note: "notes", defaultContainer: "container", labelSelector: "selector" },
  knownKeys,
};

function knownKeys(path: ConfigPath): readonly string[] {
  switch (path.map((step) => (typeof step === "number" ? "*" : step)).join(".")) {
    case "":
      return Object.keys(kindRules.shape);
    case "root":
      return Object.keys(root.shape);
    case "watches.*":
      return Object.keys(watch.shape);
    case "children.*":
      return Object.keys(child.shape);
    case "refers.*":
      return Object.keys(reference.shape);
    case "pods":
      return Object.keys(pods.shape);
    case "rules.*":
    case "children.*.rules.*":
      return Object.keys(rule.shape);
    case "notes.*":
      return Object.keys(note.shape);
    default:
      return [];
  }
}
