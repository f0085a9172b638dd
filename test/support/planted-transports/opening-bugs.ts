import { inShare, type PlantedBug } from "./planted-bug.ts";

/** Mistakes of `open`, and capabilities that are claimed and missing. */
export const OPENING_BUGS: readonly PlantedBug[] = [
  inShare(
    "the pod's UID is not compared",
    "a pod with the same name and another UID is not written to",
    "pod.metadata.uid !== target.podUid || ",
    "",
  ),
  inShare(
    "the container's ID is not compared",
    "a container that was restarted is not written to",
    " || status?.containerID !== target.containerId",
    "",
  ),
  inShare(
    "`open` does not pass its signal on",
    "an `open` whose signal is aborted rejects with the reason",
    "cluster.request({ path, signal })",
    "cluster.request({ path, signal: new AbortController().signal })",
  ),
  inShare(
    "the root folder of the container is accepted",
    "the root folder of the container is refused",
    `"KINSYNC_TARGET_PATH", \`\${where}: the root`,
    `"KINSYNC_TARGET_FOREIGN", \`\${where}: the root`,
  ),
  inShare("links are claimed", "links arrive with their targets", "deletes: true,", "deletes: true, links: true,"),
  inShare(
    "folders are claimed",
    "folders arrive with their content",
    "deletes: true,",
    "deletes: true, folders: true,",
  ),
  inShare(
    "modes are claimed",
    "a change of mode leaves the bytes",
    "deletes: true,",
    "deletes: true, modes: true, folders: true,",
  ),
  inShare(
    "`mirror` is claimed",
    "an inventory with `list` reports every path, also those that kinsync did not create",
    "deletes: true,",
    "deletes: true, mirror: true,",
  ),
  inShare(
    "commands are claimed",
    "a command returns its exit code and its output, and a failing one is not an error",
    "deletes: true,",
    "deletes: true, run: true,",
  ),
];
