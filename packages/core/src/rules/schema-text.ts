import { rulesJsonSchema } from "./schema.ts";

/** The published file `rules.schema.json`. */
export function rulesSchemaText(): string {
  return `${JSON.stringify(rulesJsonSchema(), undefined, 2)}\n`;
}
