// Writes packages/core/schema.json, the JSON schema of a config, from the schema that checks configs.
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { schemaText } from "../packages/core/src/config/schema-text.ts";

writeFileSync(join(resolve(import.meta.dirname, ".."), "packages/core/schema.json"), schemaText());
