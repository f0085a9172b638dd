import type { ConfigPath } from "../document/parse.ts";

/** Variables by name: those of the process, as the program passes them on. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A text that cannot be expanded. */
export interface VariableProblem {
  readonly path: ConfigPath;
  /** In words that follow the path of the value. */
  readonly what: string;
  readonly hint: string;
}

/** What a config is with its variables replaced. */
export interface Expanded {
  readonly value: unknown;
  readonly problems: readonly VariableProblem[];
}

/** `$${`, or `${` with what follows up to its `}`. */
const VARIABLE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME_AND_DEFAULT = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every text of a config, keys excepted; `$${` stands for `${`. The default applies to a
 * variable that is not set or empty. A value that is not a text stays as it is.
 * @param at path of the value in the config
 */
export function expandVariables(value: unknown, variables: Variables, at: ConfigPath = []): Expanded {
  const problems: VariableProblem[] = [];
  return { value: expandValue(value, at), problems };

  function expandValue(each: unknown, path: ConfigPath): unknown {
    if (typeof each === "string") return expandText(each, path);
    if (Array.isArray(each)) return each.map((item, index) => expandValue(item, [...path, index]));
    if (typeof each !== "object" || each === null) return each;
    return Object.fromEntries(Object.entries(each).map(([key, item]) => [key, expandValue(item, [...path, key])]));
  }

  function expandText(text: string, path: ConfigPath): string {
    return text.replaceAll(VARIABLE, (whole: string, inner: string | undefined, end: string | undefined) => {
      if (inner === undefined) return "${";
      const [, name, byDefault] = NAME_AND_DEFAULT.exec(inner) ?? [];
      if (name === undefined || end !== "}") {
        const what = `has ${JSON.stringify(whole)}, which is not a variable`;
        problems.push({ path, what, hint: "Write ${NAME} or ${NAME:-default}; $${ stands for ${." });
        return whole;
      }
      const found = variables[name];
      if (found !== undefined && (found !== "" || byDefault === undefined)) return found;
      if (byDefault !== undefined) return byDefault;
      problems.push({
        path,
        what: `needs the variable ${name}, which is not set`,
        hint: `Set ${name}, give a default (\${${name}:-value}), or write $\${${name}} to keep the text for the container.`,
      });
      return whole;
    });
  }
}
