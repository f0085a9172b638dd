import type { SourceChange } from "./plant.ts";

/** One mistake of an author, and the requirement of the kit that finds it. */
export interface PlantedBug extends SourceChange {
  readonly bug: string;
  readonly law: string;
}

/** A mistake that the kit does not find in this environment, and why. */
export interface MissedBug extends SourceChange {
  readonly bug: string;
  readonly why: string;
}

const NEXT_SESSION = "the next session reports what an earlier one created and did not delete";
const INVENTORY = "an inventory reports the requested paths that exist, with their digests, and the marker";
const MARKER = "the marker names run, owner, begin and origin of the files, from the claim on";
const ARRIVE = "files arrive with their bytes";
const RECEIPT = "a receipt holds snapshot, tree and count of the batch";
const DELETES = "deletes remove files and links, ignore missing paths, and leave everything else";
const GROWTH = "what is kept beside the files does not grow with sessions and batches, also those that fail";
const DIGESTS = "bytes that do not match their digest reject stage and commit and change nothing";
const READERS = "a reader sees whole files at every moment, old or new";
const REPLACED = "a run that another run replaced cannot commit, and its error names the other";

const inShare = (bug: string, law: string, from: string, to: string): PlantedBug => ({
  bug,
  law,
  file: "share.ts",
  from,
  to,
});
const inSession = (bug: string, law: string, from: string, to: string): PlantedBug => ({
  bug,
  law,
  file: "share-session.ts",
  from,
  to,
});

/** Mistakes of `open`, and capabilities that are claimed and missing. */
const OPENING: readonly PlantedBug[] = [
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

/** Mistakes of inventories, claims and markers. */
const OBSERVING: readonly PlantedBug[] = [
  inSession(
    "an inventory creates the root",
    "an inventory of a missing root reports it as missing and creates nothing",
    "const status = await lstat(folder).catch(() => undefined);",
    "const status = await lstat(folder).catch(() => void mkdir(folder));",
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

/** Mistakes of stages, commits and the order of calls. */
const DELIVERING: readonly PlantedBug[] = [
  inSession("a claim does not create the root", ARRIVE, "await mkdir(folder, { recursive: true });", ""),
  inSession(
    "a file of several chunks has the last one only",
    ARRIVE,
    `String(numbers.get(entry.path))), "a")`,
    `String(numbers.get(entry.path))), "w")`,
  ),
  inSession(
    "an empty file is left out",
    ARRIVE,
    `if (entry.op === "file") await`,
    `if (entry.op === "file" && entry.size > 0) await`,
  ),
  inSession(
    "stages are folders in the root",
    "a staged batch is invisible until it is committed",
    "join(this.#stateFolder(batch.root), `stage-",
    "join(this.#folderOf(batch.root), `stage-",
  ),
  inSession(
    "a stage that failed stays",
    GROWTH,
    "        await rm(folder, { recursive: true, force: true });\n        throw error;",
    "        throw error;",
  ),
  inSession(
    "a stage that was committed stays",
    GROWTH,
    "      await rm(staged, { recursive: true, force: true });\n",
    "",
  ),
  inSession(
    "digests are not compared",
    DIGESTS,
    `digest.digest("hex") !== entry.digest`,
    `digest.digest("hex") === ""`,
  ),
  inSession(
    "a commit does not reject with the error of its stage",
    "a local file that changes while it is read rejects stage and commit with that very error, and changes nothing",
    "await ready;",
    "await ready.catch(() => undefined);",
  ),
  inSession(
    "the chunks of the archive are cleared after use",
    "the bytes of an archive, which other sessions read too, are not changed",
    "    digest.update(bytes);\n",
    "    digest.update(bytes);\n    bytes.fill(0);\n",
  ),
  inSession("the claim is not compared", REPLACED, "state?.claim !== this.#claim", "state === undefined"),
  inSession(
    "only the run is compared, not the session",
    "a session that another one of the same run replaced cannot commit",
    "state?.claim !== this.#claim",
    "state?.marker.runId !== this.#context.runId",
  ),
  inSession(
    "the error does not name the other run",
    REPLACED,
    "was taken over by ${state?.marker.owner}",
    "was taken over",
  ),
  inSession(
    "deletes are ignored",
    DELETES,
    `else if (entry.op === "delete") await unlink(path).catch(ignoreMissing);`,
    "",
  ),
  inSession("a path that is gone already fails a delete", DELETES, "unlink(path).catch(ignoreMissing)", "unlink(path)"),
  inSession("a delete leaves an empty file", DELETES, "unlink(path).catch(ignoreMissing)", `writeFile(path, "")`),
  inSession("receipts count nothing", RECEIPT, "count: entries.length", "count: 0"),
  inSession(
    "receipts have the snapshot of the claim",
    RECEIPT,
    "return { snapshot, tree, count",
    "return { snapshot: 0, tree, count",
  ),
  inSession("receipts have no tree", RECEIPT, "return { snapshot, tree, count", `return { snapshot, tree: "", count`),
  inSession(
    "a file is emptied before its new version arrives",
    READERS,
    "  await rename(staged, path);\n}",
    `  if (before !== undefined) await writeFile(path, "");\n  await new Promise((resolve) => setTimeout(resolve, 10));\n  await rename(staged, path);\n}`,
  ),
  inSession(
    "a file is written through a link",
    "a file replaces a link and is not written through it",
    "  await rename(staged, path);\n}",
    "  await writeFile(path, await readFile(staged));\n}",
  ),
  inSession(
    "a new version may have the time of the old one",
    "a new version of the same size is at least one second newer",
    "Math.max(Date.now(), (before?.mtimeMs ?? 0) + 1_001) / 1000",
    "(before?.mtimeMs ?? Date.now()) / 1000",
  ),
  inSession(
    "calls overtake each other",
    "batches that are sent without waiting are applied in order",
    "const done = this.#last.then(async () => {",
    `globalThis.earlier = (globalThis.earlier ?? 100) - 1;
    const done = new Promise((resolve) => setTimeout(resolve, globalThis.earlier * 5)).then(async () => {`,
  ),
  inSession(
    "calls ignore their signal",
    "a call whose signal is aborted rejects with the reason, changes nothing, and leaves the session usable",
    "      signal.throwIfAborted();\n",
    "",
  ),
  inSession(
    "a closed session answers",
    "a session that is closed ends once, its calls settle, and later calls reject",
    `      if (this.#isOver) throw new KinsyncError("KINSYNC_TARGET_LOST", "the session was closed");\n`,
    "",
  ),
  inSession(
    "a session that kinsync closed is reported as lost",
    "a session that is closed ends once, its calls settle, and later calls reject",
    `{ why: "closed" }`,
    `{ why: "lost" }`,
  ),
  inSession(
    "errors of the file system have no code of kinsync",
    "a root at or below a file is refused, and the session stays usable",
    "throw signal.aborted ? error : asKinsyncError(error, root);",
    "throw error;",
  ),
  inSession(
    "a session leaves its claim in a file beside the root",
    "a closed session leaves nothing but the files and the state directory",
    "    await this.#last;\n",
    "    await this.#last;\n    for (const root of this.#context.roots ?? []) await writeFile(`${this.#folderOf(root)}.claim`, this.#claim);\n",
  ),
];

export const PLANTED_BUGS: readonly PlantedBug[] = [...OPENING, ...OBSERVING, ...DELIVERING];

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
