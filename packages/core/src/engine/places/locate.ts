import { posix } from "node:path";
import type { Place } from "../../contract/place.ts";
import type { Target } from "../../contract/target.ts";
import type { RootSpec } from "../../contract/transport.ts";
import { resolveIn, stateKey, type ContainerPath } from "../../mapping/container-path.ts";

/** Where a mapped root lands, as the engine compares it. */
export interface LocatedRoot {
  readonly volume: string;
  /** Of what is mapped: for a single file the file itself. */
  readonly path: string;
  readonly isReadOnly: boolean;
  /** The bytes are the container's own, as far as the transport knows. */
  readonly isOwn: boolean;
  /** Name of the mapped root's part of the state directory: equal in every container that has these bytes. */
  readonly key: string;
}

/**
 * Where a mapped root of a target lands.
 * @param placeOf the transport's answer; `undefined` where the bytes are the container's own
 */
export function locateRoot(
  target: Pick<Target, "podUid" | "containerId">,
  root: ContainerPath,
  workingDirectory: string | undefined,
  placeOf: (spec: RootSpec) => Place | undefined,
): LocatedRoot {
  const path = resolveIn(workingDirectory, root.path);
  const place = placeOf({ path, shape: root.shape, key: root.key });
  if (place === undefined) {
    const parts = [
      "container:",
      target.podUid,
      "/",
      target.containerId,
      posix.isAbsolute(path) ? "" : " working directory",
    ];
    const volume = parts.join("");
    // The same text for all targets, where it is absolute.
    const full = resolveIn(workingDirectory, root.full);
    return {
      volume,
      path: posix.isAbsolute(full) ? full : posix.join("/", full),
      isReadOnly: false,
      isOwn: true,
      key: root.key,
    };
  }
  const inside = root.shape === "file" ? posix.join(place.path, root.fileName) : place.path;
  return {
    volume: place.volume,
    path: inside,
    isReadOnly: place.readOnly === true,
    isOwn: false,
    key: stateKey(posix.join("/", place.volume, inside)),
  };
}
