// What the pods of a node share.

import type { Confinement } from "../runtime/confinement.ts";
import type { ImageTemplate, ImageTools } from "../runtime/image.ts";
import type { PipePool } from "../runtime/pipes.ts";
import type { Watchdog } from "../runtime/watchdog.ts";
import type { ObjectStore, StoredObject } from "../world.ts";
import type { EnvironmentSources } from "./environment.ts";
import type { Gate } from "./gate.ts";

/** What the node provides to its pod workers. */
export interface PodNode {
  readonly store: ObjectStore;
  readonly confinement: Confinement;
  readonly images: Readonly<Record<string, ImageTemplate>>;
  readonly tools: ImageTools;
  readonly directory: string;
  readonly watchdog: Watchdog;
  readonly pipes: PipePool;
  /** Limits how many containers start at a time: more would delay all of them. */
  readonly starts: Gate;
  readonly hostIp: string;
  readonly sources: (namespace: string) => EnvironmentSources;
  readonly nextPodIp: () => string;
  /** Milliseconds before a container's process starts. */
  readonly startDelay: (pod: StoredObject, container: string) => number;
  readonly backOff: { readonly initialMilliseconds: number; readonly maximumMilliseconds: number };
  readonly maximumGraceSeconds: number;
  /** Milliseconds until volumes show a change of their ConfigMap or Secret. */
  readonly projectionDelay: number;
  /** Called when the pod has left the node, before this is reported to the API. */
  readonly forget: (podUid: string) => void;
}
