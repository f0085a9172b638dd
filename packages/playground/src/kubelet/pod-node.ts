// What the pods of a node share.

import type { Confinement } from "../runtime/confinement.ts";
import type { ImageTemplate, ImageTools } from "../runtime/image.ts";
import type { PipePool } from "../runtime/pipes.ts";
import type { Watchdog } from "../runtime/watchdog.ts";
import type { ObjectStore, StoredObject } from "../world.ts";
import type { EnvironmentSources } from "./environment.ts";
import type { Gate } from "./gate.ts";

/** What a pod's worker has from its node. */
export interface PodNode {
  readonly store: ObjectStore;
  readonly confinement: Confinement;
  readonly images: Readonly<Record<string, ImageTemplate>>;
  readonly tools: ImageTools;
  readonly directory: string;
  readonly watchdog: Watchdog;
  readonly pipes: PipePool;
  /** How many containers start at a time: more would only make all of them late. */
  readonly starts: Gate;
  readonly hostIp: string;
  readonly sources: (namespace: string) => EnvironmentSources;
  readonly nextPodIp: () => string;
  /** Milliseconds before a container's process starts. */
  readonly startDelay: (pod: StoredObject, container: string) => number;
  readonly backOff: { readonly initialMilliseconds: number; readonly maximumMilliseconds: number };
  readonly maximumGraceSeconds: number;
  /** Called when nothing of the pod is left, before the API hears of it. */
  readonly forget: (podUid: string) => void;
}
