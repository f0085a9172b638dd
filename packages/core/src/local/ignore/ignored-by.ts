/** A line with a rule, and where it stands. */
export interface RuleLine {
  /** In gitignore syntax, relative to the mapped folder. */
  readonly pattern: string;
  readonly origin: RuleOrigin;
}

/** Where a rule comes from. */
export interface RuleOrigin {
  /** `default`: of kinsync; `mapping`: `ignore` of the mapping; `file`: of an ignore file. */
  readonly from: "default" | "mapping" | "file";
  /** As written: `*.log`. */
  readonly pattern: string;
  /** For people: `.gitignore:3`, `ignore[0]`, `default`. */
  readonly where: string;
}

export function defaultOrigin(pattern: string): RuleOrigin {
  return { from: "default", pattern, where: "default" };
}

export function mappingOrigin(pattern: string, index: number): RuleOrigin {
  return { from: "mapping", pattern, where: `ignore[${index}]` };
}

/** @param file path for people */
export function fileOrigin(file: string, pattern: string, index: number): RuleOrigin {
  return { from: "file", pattern, where: `${file}:${index + 1}` };
}
