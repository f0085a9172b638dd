/** Begins the names of partly received files. */
export const PART_PREFIX = ".kinsync-part-";
/** What kinsync keeps in a mapped root; it is not pulled. */
const STATE_FOLDER = ".kinsync";
/** No file system has longer names. */
const MAX_NAME_BYTES = 255;

/** Names that Windows cannot store or treats as devices. Source: Microsoft, "Naming Files, Paths, and Namespaces". */
const NOT_ON_WINDOWS = /[\\:*?"<>|\u0000-\u001F]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** True for the state that kinsync keeps in a container, and for what is below it. */
export function isState(path: string): boolean {
  return path.split("/").includes(STATE_FOLDER);
}

/**
 * Why a path that a container reported is not written here; `undefined`: it is a plain path below a folder.
 * @param path relative, its parts separated by slashes
 */
export function refusalOf(path: string, platform: NodeJS.Platform = process.platform): string | undefined {
  if (path.startsWith("/")) return "its name is absolute";
  for (const name of path.split("/")) {
    if (name === "" || name === "." || name === "..") return "its name leads to another folder";
    if (name.includes("\0")) return "its name holds NUL";
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `its name is longer than ${MAX_NAME_BYTES} bytes`;
    if (name.startsWith(PART_PREFIX)) return "kinsync needs its name for partly received files";
    if (platform === "win32" && NOT_ON_WINDOWS.test(name)) return "Windows has no such names";
  }
  return undefined;
}

/**
 * Why a link is not written here; `undefined`: it stays inside the folder. A target may go up only at its beginning: the parents of the link
 * are real folders, and the steps after them lead down, or over links that stay inside, too.
 * @param path of the link, relative to the folder
 */
export function refusalOfTarget(
  path: string,
  target: string,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (target === "" || target.includes("\0")) return "its target is not a path";
  if (target.startsWith("/")) return "its target is absolute";
  if (platform === "win32" && /[\\:]/.test(target)) return "Windows has no such names";
  let depth = path.split("/").length - 1;
  let isDown = false;
  for (const name of target.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") isDown = true;
    else if (isDown) return "its target goes up again after it went down";
    else depth -= 1;
    if (depth < 0) return "its target is outside the folder";
  }
  return undefined;
}
