import { inSession, type PlantedBug } from "./planted-bug.ts";

const NEXT_SESSION = "the next session reports what an earlier one created and did not delete";
const INVENTORY = "an inventory reports the requested paths that exist, with their digests, and the marker";
const MARKER = "the marker names run, owner, begin and origin of the files, from the claim on";

/** Mistakes of inventories, claims and markers. */
export const OBSERVING_BUGS: readonly PlantedBug[] = [
  inSession(
    "an inventory creates the root",
    "an inventory of a missing root reports it as missing and creates nothing",
    "const status = await lstat(folder).catch(() => undefined);",
    "const status = await lstat(folder).catch(() => mkdir(folder).then(() => undefined));",
  ),
  inSession(
    "an inventory leaves out what is not requested",
    NEXT_SESSION,
    "new Set([...paths, ...(state?.placed ?? [])])",
    "new Set(paths)",
  ),
  inSession("an inventory has no list of created paths", NEXT_SESSION, "placed: state?.placed ?? [],", "placed: [],"),
  inSession("a claim forgets what was created", NEXT_SESSION, "before?.placed ?? [])", "[])"),
  inSession(
    "a delete leaves the path in the list of created paths",
    NEXT_SESSION,
    "new Set(batch.unplaced)",
    "new Set<string>(batch.unplaced.slice(batch.unplaced.length))",
  ),
  inSession(
    "a commit forgets what earlier ones created",
    "a batch that changes nothing is acknowledged, and its tree is in the marker",
    "[...state.placed, ...batch.placed]",
    "[...batch.placed]",
  ),
  inSession(
    "an inventory throws for a path that is missing",
    INVENTORY,
    "lstat(join(folder, path)).catch(ignoreMissing)",
    "lstat(join(folder, path))",
  ),
  inSession(
    "digests are of another algorithm",
    INVENTORY,
    `const digest = createHash("sha256")\n`,
    `const digest = createHash("md5")\n`,
  ),
  inSession(
    "sizes are rounded up to blocks",
    INVENTORY,
    "size: status.size,",
    "size: Math.ceil(status.size / 512) * 512,",
  ),
  inSession(
    "an inventory has no marker",
    INVENTORY,
    "...(state === undefined ? {} : { marker: state.marker }),",
    "...{},",
  ),
  inSession(
    "the marker has no origin",
    MARKER,
    "host === undefined || root.from === undefined ?",
    "host !== undefined || root.from === undefined ?",
  ),
  inSession(
    "the marker has the time of the call",
    MARKER,
    "runId, owner, since, ...origin",
    "runId, owner, since: new Date().toString(), ...origin",
  ),
  inSession(
    "the marker names the run as the owner",
    MARKER,
    "runId, owner, since, ...origin",
    "runId, owner: runId, since, ...origin",
  ),
  inSession(
    "the marker has the snapshot of the claim only",
    INVENTORY,
    "await this.#writeState(root, snapshot, tree, [...placed]);",
    "await this.#writeState(root, 0, tree, [...placed]);",
  ),
  inSession(
    "all roots have one state",
    "two roots of one session are kept apart",
    `".kinsync", root.key)`,
    `".kinsync", "state")`,
  ),
];
