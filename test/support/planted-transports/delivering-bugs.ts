import { inSession, type PlantedBug } from "./planted-bug.ts";

const ARRIVE = "files arrive with their bytes";
const RECEIPT = "a receipt holds snapshot, tree and count of the batch";
const DELETES = "deletes remove files and links, ignore missing paths, and leave everything else";
const GROWTH = "what is kept beside the files does not grow with sessions and batches, also those that fail";
const DIGESTS = "bytes that do not match their digest reject stage and commit and change nothing";
const READERS = "a reader sees whole files at every moment, old or new";
const REPLACED = "a run that another run replaced cannot commit, and its error names the other";

/** Mistakes of stages, commits and the order of calls. */
export const DELIVERING_BUGS: readonly PlantedBug[] = [
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
