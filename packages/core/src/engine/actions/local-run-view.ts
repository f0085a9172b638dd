/** A command on this machine that is due, runs or failed. */
export interface LocalRunView {
  readonly what: "after" | "rebuild";
  readonly command: string;
  readonly phase: "waiting" | "running" | "failed";
  /** Number of the snapshot that it follows; 0: of `rebuild`. */
  readonly snapshot: number;
}
