import type { ImageMap } from "../images/image-map.ts";

/** What run.ts passes to the workers, which are separate processes, in an environment variable. */
export interface Settings {
  readonly target: "cluster" | "playground";
  /** The kinsync under test: a program and its first arguments. */
  readonly command: readonly string[];
  /** Kubeconfig with an administrator's rights; unused on the playground. */
  readonly kubeconfig: string;
  /** Label value of the namespaces of this run. */
  readonly run: string;
  /** Components of the node may be killed: the situations run inside the node, as root, and the cluster has no other users. */
  readonly control: boolean;
  /** All situations run, not a selection. */
  readonly isWhole: boolean;
  /** A skipped situation fails the run. */
  readonly isComplete: boolean;
  /** The table of what the playground skips is written, not compared. */
  readonly writeDocs: boolean;
  /** Histories of the situations are written. */
  readonly record: boolean;
  /** Only the situations of this controller of another project, which runs. Default: all others. */
  readonly controller?: string;
  /** Unused on the playground, which has its own images. */
  readonly images: ImageMap;
}

const VARIABLE = "KINSYNC_E2E";

export function settingsToEnvironment(settings: Settings): Readonly<Record<string, string>> {
  return { [VARIABLE]: JSON.stringify(settings) };
}

/** @throws if run.ts did not start this process */
export function settingsFromEnvironment(): Settings {
  const text = process.env[VARIABLE];
  if (text === undefined) throw new Error("start the situations with `npm run e2e`");
  return JSON.parse(text) as Settings;
}
