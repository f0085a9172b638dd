/** Address of the published JSON schema of a file of rules, for `$schema`. */
export const RULES_SCHEMA_URL = "https://unpkg.com/@kinsync/core/rules.schema.json";
