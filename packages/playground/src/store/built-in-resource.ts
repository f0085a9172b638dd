/** A resource that the playground serves by itself. */
export interface BuiltIn {
  readonly group?: string;
  readonly version?: string;
  readonly plural: string;
  readonly kind: string;
  readonly singular?: string;
  readonly namespaced?: boolean;
  readonly shortNames?: readonly string[];
  readonly all?: boolean;
  readonly status?: boolean;
  readonly generation?: boolean;
  readonly scale?: boolean;
}
