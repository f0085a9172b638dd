import { inPull, type PlantedBug } from "./planted-bug.ts";

const LIST =
  "a pull lists what is at and below a path, whatever its name, and sends the chosen files with their digests";
const HAVE = "a pull sends only what follows the bytes that the caller has, and a file that begins with others whole";
const LINKS = "a pull follows no link below the path, and reports where it leads";

/** Mistakes of pulls. */
export const PULLING_BUGS: readonly PlantedBug[] = [
  inPull(
    "links below the pulled path are followed",
    LINKS,
    "await stat(at) : await lstat(at);",
    "await stat(at) : await stat(at);",
  ),
  inPull("a link has no target", LINKS, "target: await readlink(at) }", `target: await readlink(at).then(() => "") }`),
  inPull("paths begin with a slash", LIST, `path === "" ? name :`, `path === "" ? "/" + name :`),
  inPull(
    "a folder is listed without what is in folders of it",
    LIST,
    "for (const name of await readdir(at)) {",
    `for (const name of path === "" ? await readdir(at) : []) {`,
  ),
  inPull("an empty file has no digest", LIST, "if (left === 0) digest", "if (left === 0 && size > 0) digest"),
  inPull(
    "a path that is missing rejects with an error of the file system",
    "a pull of a path that does not exist rejects with KINSYNC_PULL_PATH, and the session stays usable",
    `throw new KinsyncError("KINSYNC_PULL_PATH", \`\${path} does not exist on the share\`);`,
    "await stat(local);",
  ),
  inPull(
    "the bytes that the caller has are not compared",
    HAVE,
    `known.copy().digest("hex") === have?.digest;`,
    "have !== undefined;",
  ),
  inPull(
    "the digest is that of the bytes that were sent",
    HAVE,
    "isSame ? known : createHash",
    "isSame && known.copy === undefined ? known : createHash",
  ),
  inPull("a file that is only compared is sent", HAVE, "size === undefined || compareOnly", "size === undefined"),
  inPull(
    "a file is read into one chunk",
    "a large file comes in chunks, and the next answer waits until the one before was taken",
    "{ start, end: end - 1 }",
    "{ start, end: end - 1, highWaterMark: end }",
  ),
  inPull(
    "a pull goes on after its signal was aborted",
    "a pull whose signal is aborted rejects with the reason, and the session stays usable",
    "    // The caller may have stopped meanwhile.\n    signal.throwIfAborted();\n",
    "",
  ),
  inPull(
    "errors of the caller are swallowed",
    "a pull rejects with what `choose` or `take` rejects with, and the session stays usable",
    "await take(await fileOf(join(local, request.path), request));",
    "await take(await fileOf(join(local, request.path), request)).catch(() => undefined);",
  ),
];
