import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { PLUGIN_TYPES, pluralOf, SHAPES, type PluginSpec, type PluginType } from "./spec.ts";
import { UsageError } from "./usage-error.ts";

export const HELP = `npm create kinsync-plugin [-- TYPE [FOLDER] [OPTIONS]]

Writes the skeleton of a kinsync plugin: sources, cases, the conformance kit, a page. It asks for what is missing, if it runs on a terminal.

  TYPE                   rules      a kind in YAML, without code: where to start
                         kind       a kind in TypeScript: where rules cannot express what is current
                         transport  another way to deliver files
  FOLDER                 new or empty; default: the name of the package

  --kind KIND            of a kind: Studio
  --group GROUP          of a kind: example.com
  --api-version VERSION  of a kind; default: v1
  --plural PLURAL        of a kind; default: as for most kinds, studios
  --name NAME            of a transport: share
  --help, --version
`;

const OPTIONS = {
  kind: { type: "string" },
  group: { type: "string" },
  "api-version": { type: "string" },
  plural: { type: "string" },
  name: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const satisfies ParseArgsOptionsConfig;

/** What a command line names. Nothing is checked for completeness. */
export interface Flags {
  readonly type: PluginType | undefined;
  readonly folder: string | undefined;
  readonly values: Readonly<Partial<Record<keyof typeof SHAPES, string>>>;
  readonly isHelp: boolean;
  readonly isVersion: boolean;
}

/** @throws UsageError */
export function parseFlags(argv: readonly string[]): Flags {
  const { values, positionals } = read(argv);
  const { help, version, ...rest } = values;
  const [type, folder, ...others] = positionals;
  if (others.length > 0) throw new UsageError(`unexpected argument: ${others.join(" ")}`, SEE_HELP);
  for (const [flag, value] of Object.entries(rest)) checkShape(flag as keyof typeof SHAPES, value);
  return {
    type: type === undefined ? undefined : typeOf(type),
    folder,
    values: rest,
    isHelp: help === true,
    isVersion: version === true,
  };
}

const SEE_HELP = "See `npm create kinsync-plugin -- --help`.";

function read(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), SEE_HELP);
  }
}

function typeOf(text: string): PluginType {
  const type = PLUGIN_TYPES.find((each) => each === text);
  if (type === undefined) throw new UsageError(`${text} is not a type of plugin`, `Types: ${PLUGIN_TYPES.join(", ")}.`);
  return type;
}

/** @throws UsageError */
function checkShape(flag: keyof typeof SHAPES, value: string): void {
  const { pattern, like } = SHAPES[flag];
  if (!pattern.test(value)) throw new UsageError(`--${flag} ${value} is not ${like.split(":")[0]}`, `It is ${like}.`);
}

/** @throws UsageError where something is missing, or is for another type */
export function specOf({ type, values }: Flags): PluginSpec {
  if (type === undefined)
    throw new UsageError("the type of the plugin is missing", `Types: ${PLUGIN_TYPES.join(", ")}. ${SEE_HELP}`);
  const fitting: readonly string[] = type === "transport" ? ["name"] : ["kind", "group", "api-version", "plural"];
  const wrong = Object.keys(values).filter((flag) => !fitting.includes(flag));
  if (wrong.length > 0) {
    throw new UsageError(`--${wrong.join(", --")} is not for the type ${type}`, `It has --${fitting.join(", --")}.`);
  }
  const needed = (flag: keyof typeof SHAPES): string => {
    const value = values[flag];
    if (value === undefined) throw new UsageError(`--${flag} is missing`, `It is ${SHAPES[flag].like}.`);
    return value;
  };
  if (type === "transport") return { type, name: needed("name") };
  const kind = needed("kind");
  return {
    type,
    kind,
    group: needed("group"),
    version: values["api-version"] ?? "v1",
    plural: values.plural ?? pluralOf(kind),
  };
}
