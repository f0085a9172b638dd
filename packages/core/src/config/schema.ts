import { z } from "zod";
import type { RunAction } from "../contract/action.ts";
import {
  IGNORE_FILES,
  INITIAL_SYNCS,
  MODE_RULES,
  type KinsyncConfig,
  type MappingConfig,
  type WorkloadConfig,
} from "../contract/config.ts";
import { MEMBER_STATES } from "../contract/state.ts";
import { KinsyncError } from "../errors/error.ts";
import type { LoadedConfig } from "./load.ts";
import type { ConfigPath } from "./parse.ts";
import { describeIssues } from "./problems.ts";
import type { ConfigProblem } from "./problems.ts";

type Plain = string | number | boolean;

/** Of a value that is not plain only the presence is checked: each object has a shape of its own. */
type SchemaOf<Value> = [Value] extends [Plain | readonly Plain[]] ? z.ZodType<Value> : z.ZodType;

/**
 * The schema of a type of the contract: exactly its keys, each with values of its type, optional where the type's key is. A key
 * that only one side has does not compile.
 */
type Shape<Type> = {
  readonly [Key in keyof Type]-?: object extends Pick<Type, Key>
    ? z.ZodOptional<SchemaOf<Exclude<Type[Key], undefined>>>
    : SchemaOf<Type[Key]>;
};

const text = z.string().min(1);
const texts = z.array(text).min(1);
const roles = texts.optional();
const labels = z
  .record(text, z.union([text, texts]))
  .refine((value) => Object.keys(value).length > 0, { error: "must name at least one label" });

const transport = z.custom<NonNullable<MappingConfig["transport"]>>(
  (value) => (typeof value === "string" && value !== "") || isNameWithOptions(value),
  { error: 'must be the name of a transport, or ["name", { options }]' },
);

const mapping = z.strictObject({
  from: text,
  to: text,
  ignore: z.array(text).optional(),
  ignoreDefaults: z.boolean().optional(),
  ignoreFiles: z.array(z.enum(IGNORE_FILES)).optional(),
  roles,
  indexes: texts.optional(),
  labels: labels.optional(),
  container: text.optional(),
  states: z.array(z.enum(MEMBER_STATES)).min(1).optional(),
  inPlace: z.boolean().optional(),
  mirror: z.boolean().optional(),
  modes: z.enum(MODE_RULES).optional(),
  transport: transport.optional(),
  initial: z.enum(INITIAL_SYNCS).optional(),
} satisfies Shape<MappingConfig>);

const run = z.strictObject({
  when: texts,
  command: z.union([text, texts]),
  roles,
  timeout: z.int().positive().optional(),
} satisfies Shape<RunAction>);

const containers = z.strictObject({
  name: text.optional(),
  image: text.optional(),
} satisfies Shape<NonNullable<WorkloadConfig["containers"]>>);

const workload = z.strictObject({
  workload: text,
  namespace: text.optional(),
  containers: containers.optional(),
  sync: z.array(mapping).min(1),
  run: z.array(run).optional(),
} satisfies Shape<WorkloadConfig>);

/** A package name, a name with options, or an object; the plugin loader checks the object. */
const plugin = z.custom<NonNullable<KinsyncConfig["kinds"]>[number]>(
  (value) => (typeof value === "string" && value !== "") || isNameWithOptions(value) || isPlainObject(value),
  {
    error: (issue) =>
      typeof issue.input === "function"
        ? "is a function: call it, as in kinds: [myKind()]"
        : 'must be a package name, ["package name", { options }], or the object that a plugin\'s factory returns',
  },
);

const cluster = z.custom<NonNullable<KinsyncConfig["cluster"]>>((value) => typeof value === "function", {
  error:
    "must be a function that returns a KubeConfig of @kubernetes/client-node, in a TypeScript or JavaScript config",
});

const config = z.strictObject({
  kinds: z.array(plugin).optional(),
  transports: z.array(plugin).optional(),
  cluster: cluster.optional(),
  contexts: z.array(text).optional(),
  workloads: z.array(workload),
} satisfies Shape<KinsyncConfig>);

function isNameWithOptions(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && isPlainObject(value[1]);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** See `checkConfig`. */
export function validateConfig(loaded: LoadedConfig): KinsyncConfig {
  if (typeof loaded.value === "function") {
    throw new KinsyncError("KINSYNC_CONFIG_INVALID", `${loaded.file}: the default export is a function`, {
      hint: "Export the object itself: export default defineConfig({ … })",
      details: { file: loaded.file },
    });
  }
  const result = config.safeParse(loaded.value, { reportInput: true });
  if (result.success) return result.data as KinsyncConfig;
  const problems = describeIssues(result.error.issues, loaded, knownKeys);
  throw new KinsyncError("KINSYNC_CONFIG_INVALID", problems.map((problem) => problem.message).join("\n"), {
    hint: problems.find((problem) => problem.hint !== undefined)?.hint ?? "See docs/reference/config.md.",
    details: { file: loaded.file, problems: problems.map(withoutHint) },
  });
}

function withoutHint({ hint: _hint, ...problem }: ConfigProblem): Omit<ConfigProblem, "hint"> {
  return problem;
}

/** The keys that are known at a place of the config, for the nearest match. */
function knownKeys(path: ConfigPath): readonly string[] {
  const shape = path.map((step) => (typeof step === "number" ? "*" : step)).join(".");
  switch (shape) {
    case "":
      return Object.keys(config.shape);
    case "workloads.*":
      return Object.keys(workload.shape);
    case "workloads.*.containers":
      return Object.keys(containers.shape);
    case "workloads.*.sync.*":
      return Object.keys(mapping.shape);
    case "workloads.*.run.*":
      return Object.keys(run.shape);
    default:
      return [];
  }
}
