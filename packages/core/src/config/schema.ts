import { z } from "zod";
import type { MemberState } from "../contract/kind.ts";
import type { KinsyncConfig } from "../contract/config.ts";
import { KinsyncError } from "../errors/error.ts";
import type { LoadedConfig } from "./load.ts";
import type { ConfigPath } from "./parse.ts";
import { describeIssues } from "./problems.ts";
import type { ConfigProblem } from "./problems.ts";

const STATES = [
  "current",
  "kept",
  "superseded",
  "terminating",
  "finished",
  "helper",
  "unsettled",
] as const satisfies readonly MemberState[];

const text = z.string().min(1);
const texts = z.array(text).min(1);
const roles = texts.optional();

const mapping = z.strictObject({
  from: text,
  to: text,
  ignore: z.array(text).optional(),
  ignoreDefaults: z.boolean().optional(),
  ignoreFiles: z.array(z.enum([".gitignore", ".dockerignore"])).optional(),
  roles,
  indexes: texts.optional(),
  container: text.optional(),
  states: z.array(z.enum(STATES)).min(1).optional(),
  inPlace: z.boolean().optional(),
  mirror: z.boolean().optional(),
  transport: text.optional(),
  initial: z.enum(["verify", "trust", "full"]).optional(),
});

const run = z.strictObject({
  when: texts,
  command: z.union([text, texts]),
  roles,
  timeout: z.int().positive().optional(),
});

const workload = z.strictObject({
  workload: text,
  namespace: text.optional(),
  containers: z.strictObject({ name: text.optional(), image: text.optional() }).optional(),
  sync: z.array(mapping).min(1),
  run: z.array(run).optional(),
});

/** A package name, a name with options, or an object; what an object must look like is the plugin loader's to say. */
const plugin = z.custom<NonNullable<KinsyncConfig["kinds"]>[number]>(
  (value) =>
    (typeof value === "string" && value !== "") ||
    (Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && isPlainObject(value[1])) ||
    isPlainObject(value),
  {
    error: (issue) =>
      typeof issue.input === "function"
        ? "is a function: call it, as in kinds: [myKind()]"
        : 'must be a package name, ["package name", { options }], or the object that a plugin\'s factory returns',
  },
);

const config = z.strictObject({
  kinds: z.array(plugin).optional(),
  transports: z.array(plugin).optional(),
  contexts: z.array(text).optional(),
  workloads: z.array(workload),
});

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
      return ["name", "image"];
    case "workloads.*.sync.*":
      return Object.keys(mapping.shape);
    case "workloads.*.run.*":
      return Object.keys(run.shape);
    default:
      return [];
  }
}
