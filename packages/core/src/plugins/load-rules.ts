import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { KindPlugin } from "../contract/kind.ts";
import type { KindRules } from "../contract/rules.ts";
import type { ConfigPath, ParsedText } from "../document/parse.ts";
import { KinsyncError } from "../errors/error.ts";
import type { LoadedPlugin } from "./load.ts";
import { checkKind } from "./shape.ts";

/** Where rules come from. */
export interface RulesSource {
  /** Folder that the path of a file is relative to. */
  readonly folder: string;
  /** Name of the file that names the rules, for messages. */
  readonly file: string;
  /** Positions in that file. Default: none. */
  readonly locate?: ParsedText["locate"];
}

/**
 * Compiles rules: a file in YAML or JSON, or an object.
 * @param path of the rules in the file that names them
 * @throws `KINSYNC_PLUGIN_RULES`; `KINSYNC_CONFIG_PARSE` if the file is not YAML or JSON; `KINSYNC_CONFIG_NOT_FOUND`
 */
export async function loadRules(
  rules: string | KindRules,
  path: ConfigPath,
  { folder, file, locate }: RulesSource,
): Promise<LoadedPlugin<KindPlugin>> {
  const { formatConfigPath } = await import("../document/problems.ts");
  if (typeof rules === "string") {
    const found = resolve(folder, rules);
    const inside = relative(folder, found);
    // Beside the config, as messages name the config.
    const shown = inside.startsWith("..") || isAbsolute(inside) ? found : join(dirname(file), inside);
    return await loadRulesFile(found, { shown, who: `${formatConfigPath(path)} in ${file}` });
  }
  const at: ParsedText["locate"] = (inside, part) => locate?.([...path, ...inside], part);
  const { compileRules } = await import("../rules/compile-rules.ts");
  const kind = compileRules({
    // Without a position, the path of the rules in the config.
    file: at([], "value") === undefined ? `${file}: ${formatConfigPath(path)}` : file,
    value: rules,
    locate: at,
    locateInside: (inside) => at(inside, "value"),
  });
  const origin = `${kind.name} (${formatConfigPath(path)} in ${file})`;
  return { plugin: checkKind(kind, origin), origin, rules: JSON.stringify(rules) };
}

/** How messages name a file of rules, and who names it. */
export interface RulesFileNames {
  /** Default: its path. */
  readonly shown?: string;
  /** Default: nobody. */
  readonly who?: string;
}

/** Compiles one file. Rejects as `loadRules`. */
export async function loadRulesFile(path: string, names: RulesFileNames = {}): Promise<LoadedPlugin<KindPlugin>> {
  const { shown: file = path, who } = names;
  const text = await read(path, file, who);
  // Not at the top: only a config with rules may load what reads YAML and CEL.
  const { parseConfigText } = await import("../document/parse.ts");
  const { compileRules } = await import("../rules/compile-rules.ts");
  const { value, locate, locateInside } = parseConfigText(text, file, path.endsWith(".json") ? "json" : "yaml");
  const kind = compileRules({ file, value, locate, locateInside });
  const origin = `${kind.name} (${file})`;
  return { plugin: checkKind(kind, origin), origin, rules: text };
}

async function read(path: string, file: string, who: string | undefined): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const named = who === undefined ? "" : `, which ${who} names`;
    throw new KinsyncError(
      isMissing ? "KINSYNC_CONFIG_NOT_FOUND" : "KINSYNC_CONFIG_PARSE",
      isMissing ? `There is no file of rules ${file}${named}` : `${file}${named}, cannot be read: ${why}`,
      {
        hint: isMissing
          ? "The path of a file of rules is relative to the config file."
          : "Check the file's permissions.",
        details: { file },
        cause: error,
      },
    );
  }
}
