/** What a module exports, by name. */
export type ModuleExports = Readonly<Record<string, unknown>>;
