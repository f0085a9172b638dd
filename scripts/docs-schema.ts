// Writes the JSON schemas of a config and of a file of rules, from the schemas that check them.
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { schemaText } from "../packages/core/src/config/schema-text.ts";
import { rulesSchemaText } from "../packages/core/src/rules/schema-text.ts";

const core = join(resolve(import.meta.dirname, ".."), "packages/core");
writeFileSync(join(core, "schema.json"), schemaText());
writeFileSync(join(core, "rules.schema.json"), rulesSchemaText());
