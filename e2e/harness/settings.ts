import type { ImageMap } from "../images/image-map.ts";

/** What run.ts tells the workers, by environment variables: they are processes of their own. */
export interface Settings {
  readonly world: "cluster" | "playground";
  /** The kinsync that is tried: a program and its first arguments. */
  readonly command: readonly string[];
  /** Kubeconfig with the rights of an administrator; unused on the playground. */
  readonly kubeconfig: string;
  /** Marks the namespaces of this run. */
  readonly run: string;
  /** Parts of the node may be killed: the situations run inside of it, as root, and nobody else uses the cluster. */
  readonly control: boolean;
  /** All situations are played, not some of them. */
  readonly isWhole: boolean;
  /** Nothing may be skipped. */
  readonly isComplete: boolean;
  /** The page of what the playground cannot play is written, not compared. */
  readonly writeDocs: boolean;
  /** Histories of the situations are written. */
  readonly record: boolean;
  /** Unused on the playground, whose images are its own. */
  readonly images: ImageMap;
}

const VARIABLE = "KINSYNC_E2E";

export function settingsToEnvironment(settings: Settings): Readonly<Record<string, string>> {
  return { [VARIABLE]: JSON.stringify(settings) };
}

/** @throws where the suite was not started by run.ts. */
export function settingsFromEnvironment(): Settings {
  const text = process.env[VARIABLE];
  if (text === undefined) throw new Error("the situations are started by npm run e2e");
  return JSON.parse(text) as Settings;
}
