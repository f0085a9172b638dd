import { DELIVERING_BUGS } from "./delivering-bugs.ts";
import { OBSERVING_BUGS } from "./observing-bugs.ts";
import { OPENING_BUGS } from "./opening-bugs.ts";
import { PULLING_BUGS } from "./pulling-bugs.ts";
import type { MissedBug, PlantedBug } from "./planted-bug.ts";

/** Mistakes that the kit finds. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...OPENING_BUGS,
  ...OBSERVING_BUGS,
  ...DELIVERING_BUGS,
  ...PULLING_BUGS,
];

/** Mistakes that it does not find. */
export const MISSED_BUGS: readonly MissedBug[] = [
  {
    bug: "the whole archive is read into memory",
    why: "a share cannot be stalled, so the requirement about reading ahead is reported as skipped",
    file: "share-session.ts",
    from: "  for await (const { entry, bytes, isLast } of readArchive(batch, signal)) {",
    to: "  const all = [];\n  for await (const part of readArchive(batch, signal)) all.push(part);\n  for (const { entry, bytes, isLast } of all) {",
  },
  {
    bug: "the state is not written in one step",
    why: "the kit cannot end this process, which has the share, in the middle of a write",
    file: "share-session.ts",
    from: "    await writeFile(`${path}.new`, JSON.stringify(state));\n    await rename(`${path}.new`, path);",
    to: "    await writeFile(path, JSON.stringify(state));",
  },
  {
    bug: "the incarnation does not change when the container restarts",
    why: "the environment cannot restart the container, so the requirement is reported as skipped",
    file: "share-session.ts",
    from: "incarnation: target.containerId",
    to: `incarnation: target.containerId.slice(0, 0) || "1"`,
  },
];
