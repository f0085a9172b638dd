/** Address of the published JSON schema of a config, for `$schema`. */
export const SCHEMA_URL = "https://unpkg.com/@kinsync/core/schema.json";
