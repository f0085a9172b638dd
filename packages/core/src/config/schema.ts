import { z } from "zod";
import {
  INITIAL_SYNCS,
  RELEASE_MODES,
  MODE_RULES,
  type ForwardConfig,
  type IgnoreFile,
  type KinsyncConfig,
  type MappingConfig,
  type ProfileConfig,
  type ProfileWorkload,
  type WorkloadConfig,
} from "../contract/config.ts";
import { MEMBER_STATES } from "../contract/state.ts";
import { docsUrl } from "../errors/docs-url.ts";
import { KinsyncError } from "../errors/error.ts";
import { MAPPING_DEFAULTS, RUN_DEFAULTS } from "../mapping/defaults.ts";
import type { CheckOptions } from "./checked-config.ts";
import {
  CONFIG_KEYS,
  CONTAINERS_KEYS,
  FORWARD_KEYS,
  MAPPING_KEYS,
  PROFILE_WORKLOADS,
  WORKLOAD_KEYS,
} from "./descriptions.ts";
import { hooks, rebuild, restart, run } from "./action-schemas.ts";
import { expandConfig } from "./expand.ts";
import { RULES_SCHEMA_URL } from "../rules/schema-url.ts";
import { pattern, roles, text, texts } from "./schema-parts.ts";
import { SCHEMA_URL } from "./schema-url.ts";
import { CONFIG_WORDS } from "./words.ts";
import type { LoadedConfig } from "./load.ts";
import type { ConfigPath } from "../document/parse.ts";
import { describeIssues, type DocumentProblem, type ProblemWords } from "../document/problems.ts";
import { described, type Shape } from "../document/shape.ts";
import { addShortForm, update, updateRule } from "./update-schema.ts";
import { variableProblems } from "./variable-problems.ts";

const ignoreFile = z.string().regex(/^(?:\.gitignore|[^/\\]*\.dockerignore)$/, {
  error: "must be .gitignore, .dockerignore or NAME.dockerignore",
});
/** As JSON schema. */
const NAME_AND_OPTIONS = {
  type: "array",
  prefixItems: [{ type: "string", minLength: 1 }, { type: "object" }],
  minItems: 2,
  maxItems: 2,
};
const labels = z
  .record(text, z.union([text, texts]))
  .refine((value) => Object.keys(value).length > 0, { error: "must name at least one label" });

const transport = z
  .custom<NonNullable<MappingConfig["transport"]>>(
    (value) => (typeof value === "string" && value !== "") || isNameWithOptions(value),
    { error: 'must be the name of a transport, or ["name", { options }]' },
  )
  .meta({ anyOf: [{ type: "string", minLength: 1 }, NAME_AND_OPTIONS] });

const mapping = z.strictObject(
  described(
    {
      from: text,
      to: text,
      ignore: z.array(pattern).optional(),
      ignoreDefaults: z.boolean().optional(),
      ignoreFiles: z.array(ignoreFile as z.ZodType<IgnoreFile>).optional(),
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
    } satisfies Shape<MappingConfig>,
    MAPPING_KEYS,
  ),
);

const containers = z.strictObject(
  described(
    {
      name: text.optional(),
      image: text.optional(),
    } satisfies Shape<NonNullable<WorkloadConfig["containers"]>>,
    CONTAINERS_KEYS,
  ),
);

const port = z.int().min(1).max(65_535);

const forward = z.strictObject(
  described(
    {
      port,
      localPort: port.optional(),
      address: text.optional(),
      role: text.optional(),
      index: text.optional(),
    } satisfies Shape<ForwardConfig>,
    FORWARD_KEYS,
  ),
);

const workload = z.strictObject(
  described(
    {
      workload: text,
      namespace: text.optional(),
      containers: containers.optional(),
      sync: z.array(mapping).min(1),
      run: z.array(run).optional(),
      restart: restart.optional(),
      rebuild: rebuild.optional(),
      hooks: hooks.optional(),
      mode: z.enum(RELEASE_MODES).optional(),
      forward: z.array(forward).optional(),
      update: updateRule.optional(),
    } satisfies Shape<WorkloadConfig>,
    WORKLOAD_KEYS,
  ),
);

/** A file of rules, or rules; the loader checks them. */
const RULES_ENTRY = {
  type: "object",
  properties: { rules: { anyOf: [{ type: "string", minLength: 1 }, { $ref: RULES_SCHEMA_URL }] } },
  required: ["rules"],
  additionalProperties: false,
};

const kind = z
  .custom<NonNullable<KinsyncConfig["kinds"]>[number]>(isPluginEntry, { error: pluginError })
  .meta({ anyOf: [{ type: "string", minLength: 1 }, NAME_AND_OPTIONS, RULES_ENTRY] });

/** A package name, a name with options, or an object; the plugin loader checks the object. */
const plugin = z
  .custom<NonNullable<KinsyncConfig["transports"]>[number]>(isPluginEntry, { error: pluginError })
  .meta({ anyOf: [{ type: "string", minLength: 1 }, NAME_AND_OPTIONS] });

const cluster = z
  .custom<NonNullable<KinsyncConfig["cluster"]>>((value) => typeof value === "function", {
    error:
      "must be a function that returns a KubeConfig of @kubernetes/client-node, in a TypeScript or JavaScript config",
  })
  .meta({ not: {} });

const settings = {
  context: text.optional(),
  namespace: text.optional(),
  kinds: z.array(kind).optional(),
  transports: z.array(plugin).optional(),
  cluster: cluster.optional(),
  contexts: z.array(text).optional(),
  writesApi: z.array(text).optional(),
} satisfies Partial<Shape<KinsyncConfig>>;

const profileWorkload = z.strictObject({
  ...workload.shape,
  sync: workload.shape.sync.optional(),
} satisfies Shape<ProfileWorkload>);

const profile = z.strictObject(
  described({ ...settings, workloads: z.array(profileWorkload).optional() } satisfies Shape<ProfileConfig>, {
    ...CONFIG_KEYS,
    ...PROFILE_WORKLOADS,
  }),
);

const config = z.strictObject(
  described(
    {
      $schema: z.string().optional(),
      ...settings,
      workloads: z.array(workload),
      profiles: z.record(text, profile).optional(),
    } satisfies Shape<KinsyncConfig>,
    CONFIG_KEYS,
  ),
);

function isPluginEntry(value: unknown): boolean {
  return (typeof value === "string" && value !== "") || isNameWithOptions(value) || isPlainObject(value);
}

function pluginError(issue: { readonly input?: unknown }): string {
  return typeof issue.input === "function"
    ? "is a function: call it, as in kinds: [myKind()]"
    : 'must be a package name, ["package name", { options }], or the object that a plugin\'s factory returns';
}

function isNameWithOptions(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && isPlainObject(value[1]);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks the shape of a config, and replaces its variables. See `checkConfig`. */
export function validateConfig(loaded: LoadedConfig, options: CheckOptions): KinsyncConfig {
  if (typeof loaded.value === "function") {
    throw new KinsyncError("KINSYNC_CONFIG_INVALID", `${loaded.file}: the default export is a function`, {
      hint: "Export the object itself: export default defineConfig({ … })",
      details: { file: loaded.file },
    });
  }
  const expanded = expandConfig(loaded, options);
  const result = config.safeParse(expanded.value, { reportInput: true });
  const problems = [
    ...variableProblems(expanded.problems, loaded),
    ...(result.success ? [] : describeIssues(result.error.issues, loaded, WORDS)),
  ];
  if (result.success && problems.length === 0) return result.data as KinsyncConfig;
  throw new KinsyncError("KINSYNC_CONFIG_INVALID", problems.map((problem) => problem.message).join("\n"), {
    hint: problems.find((problem) => problem.hint !== undefined)?.hint ?? `See ${docsUrl("reference/config.md")}.`,
    details: { file: loaded.file, problems: problems.map(withoutHint) },
  });
}

/** The JSON schema of a config in YAML or JSON. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(config, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === mapping) addDefaults(jsonSchema, MAPPING_DEFAULTS);
      if (zodSchema === update) addShortForm(jsonSchema);
      if (zodSchema === run) addDefaults(jsonSchema, RUN_DEFAULTS);
    },
  });
  return { $schema, $id: SCHEMA_URL, title: "Config of kinsync", ...schema };
}

function addDefaults(schema: z.core.JSONSchema.BaseSchema, defaults: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(defaults)) {
    const property = schema.properties?.[key];
    if (typeof property === "object") property.default = value;
  }
}

function withoutHint({ hint: _hint, ...problem }: DocumentProblem): Omit<DocumentProblem, "hint"> {
  return problem;
}

const WORDS: ProblemWords = { ...CONFIG_WORDS, knownKeys };

/** The keys that are known at a place of the config, for the nearest match. */
function knownKeys(path: ConfigPath): readonly string[] {
  const [list, , ...inProfile] = path;
  const isInProfile = list === "profiles" && path.length >= 2;
  const place = (isInProfile ? inProfile : path).map((step) => (typeof step === "number" ? "*" : step)).join(".");
  switch (place) {
    case "":
      return Object.keys(isInProfile ? profile.shape : config.shape);
    case "workloads.*":
      return Object.keys(workload.shape);
    case "workloads.*.containers":
      return Object.keys(containers.shape);
    case "workloads.*.sync.*":
      return Object.keys(mapping.shape);
    case "workloads.*.forward.*":
      return Object.keys(forward.shape);
    case "workloads.*.update":
      return Object.keys(update.shape);
    case "workloads.*.run.*":
      return Object.keys(run.shape);
    case "workloads.*.restart":
      return Object.keys(restart.shape);
    case "workloads.*.rebuild":
      return Object.keys(rebuild.shape);
    case "workloads.*.hooks":
      return Object.keys(hooks.shape);
    default:
      return [];
  }
}
