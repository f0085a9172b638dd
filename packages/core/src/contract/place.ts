import type { Pod } from "./resource.ts";

/**
 * Where the files of a mapped root land. Two roots with the same volume and path are the same bytes: kinsync then writes them once, through
 * one of the containers, for all of them.
 */
export interface Place {
  /** Identity of the storage in the cluster: `pvc:ml/code`, `emptyDir:POD_UID/shared`. Equal only for the same bytes. */
  readonly volume: string;
  /** Absolute POSIX path inside the volume, normalized: `/` or `/conf`. A root below another root has a path below its path. */
  readonly path: string;
  /** The container cannot write there: another container of the place writes, if there is one. Default: `false`. */
  readonly readOnly?: boolean;
}

/** What a transport receives besides target and root when it determines a place. */
export interface PlaceContext {
  /** The pod as kinsync last read it: its volumes and mounts. */
  readonly pod?: Pod;
}
