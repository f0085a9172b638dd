import { configJsonSchema } from "./schema.ts";

/** The published file `schema.json`. */
export function schemaText(): string {
  return `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
}
