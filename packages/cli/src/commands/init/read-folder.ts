import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { systemFolderAt } from "@kinsync/core/config";
import { KinsyncError } from "@kinsync/core/contract";
import { readDockerfile, type DockerfileFacts, type ImageCopy } from "./dockerfile.ts";
import type { IgnoreFile, ProposedRule } from "./proposal.ts";

/** Folders that often hold a Dockerfile whose build context is the folder above. */
const DOCKERFILE_FOLDERS = [".", "docker", "build", ".docker"];
const DOCKERFILE_NAMES = ["Dockerfile", "Containerfile", "Dockerfile.dev", "dev.Dockerfile"];

/** Folders of sources, in the order of preference. */
const SOURCE_FOLDERS = ["src", "app", "lib"];

/** What a folder proposes. */
export interface FolderFacts {
  readonly rules: readonly ProposedRule[];
  /** For people: which Dockerfile was read, and what of it cannot be used. */
  readonly notes: readonly string[];
}

/**
 * Proposes sync rules for a folder: from the `COPY` and `ADD` lines of its Dockerfile, else its source folder. Throws `KINSYNC_USAGE` where
 * the named Dockerfile cannot be read.
 * @param dockerfile as the user named it, relative to `folder`
 * @param workingDirectory of the container, where it is known; for a folder without a Dockerfile
 */
export async function readFolder(
  folder: string,
  dockerfile: string | undefined,
  workingDirectory: string | undefined,
): Promise<FolderFacts> {
  const found = dockerfile ?? findDockerfile(folder);
  if (found === undefined) return { rules: [guess(folder, workingDirectory)], notes: ["no Dockerfile was found"] };
  const facts = await rulesOfDockerfile(folder, found);
  const notes = [`read ${found}`, ...facts.notes];
  if (facts.rules.length > 0) return { rules: facts.rules, notes };
  const none = `${found} copies no local files into its last stage: the rule is a guess`;
  return { rules: [guess(folder, facts.workingDirectory ?? workingDirectory)], notes: [...notes, none] };
}

/** The rules of one Dockerfile. Throws `KINSYNC_USAGE` where it cannot be read. */
export async function rulesOfDockerfile(
  folder: string,
  dockerfile: string,
  context?: string,
): Promise<FolderFacts & { readonly workingDirectory: string | undefined }> {
  let text: string;
  try {
    text = readFileSync(join(folder, dockerfile), "utf8");
  } catch (error) {
    throw new KinsyncError("KINSYNC_USAGE", `${dockerfile} cannot be read`, {
      hint: "Name the Dockerfile with --dockerfile FILE, relative to the working directory.",
      cause: error,
    });
  }
  const { copies, workingDirectory, notes } = await readDockerfile(text, dockerfile);
  // A Dockerfile in a folder of its own is mostly built with the folder above as context.
  const contexts = context === undefined ? [posixOf(dirname(dockerfile)), "."] : [context];
  const rules: ProposedRule[] = [];
  const unused: string[] = [...notes];
  for (const copy of copies) {
    const where = `${dockerfile}:${copy.line}`;
    const from = contexts.map((each) => posix.join(each, copy.from)).find((each) => exists(join(folder, each)));
    if (from === undefined) {
      unused.push(`${where}: there is no ${copy.from} here`);
      continue;
    }
    const rule = ruleOf(folder, from, copy, where);
    const refused = whyRefused(folder, rule);
    if (refused === undefined) rules.push({ ...rule, ...ignoreFilesFor(folder, from, dockerfile) });
    else unused.push(`${where}: ${rule.to} is ${refused}; kinsync maps only folders below it`);
  }
  return { rules: withoutCovered(folder, rules, unused), notes: unused, workingDirectory };
}

/** A Dockerfile that may be missing. */
export async function readDockerfileAt(folder: string, file: string): Promise<DockerfileFacts | undefined> {
  try {
    return await readDockerfile(readFileSync(join(folder, file), "utf8"), file);
  } catch {
    return undefined;
  }
}

function ruleOf(folder: string, from: string, { to, toIsFolder }: ImageCopy, where: string): ProposedRule {
  const isFile = !isFolder(join(folder, from));
  return { from, to: isFile && toIsFolder && to !== "/" ? `${to}/` : to, because: `COPY in ${where}` };
}

/** What forbids to map the container path of a rule; `undefined` where it may be mapped. */
export function whyRefused(folder: string, { from, to }: Pick<ProposedRule, "from" | "to">): string | undefined {
  if (!to.startsWith("/")) return undefined;
  if (isFolder(join(folder, from))) return systemFolderAt(to, "directory");
  return systemFolderAt(to.endsWith("/") ? posix.join(to, posix.basename(from)) : to, "file");
}

/** Without rules that an earlier one does already, and without a second rule for one container path. */
function withoutCovered(folder: string, rules: readonly ProposedRule[], notes: string[]): readonly ProposedRule[] {
  const finalOf = ({ from, to }: ProposedRule): string =>
    isFolder(join(folder, from)) || !to.endsWith("/") ? posix.join(to) : posix.join(to, posix.basename(from));
  return rules.filter((rule, place) => {
    const isCovered = rules.some((other, index) => {
      if (index === place || !isFolder(join(folder, other.from))) return false;
      const below = posix.relative(other.from, rule.from);
      if (below.startsWith("..") || posix.join(other.to, below) !== finalOf(rule)) return false;
      return below !== "" || index < place;
    });
    if (isCovered) return false;
    const earlier = rules.slice(0, place).find((other) => finalOf(other) === finalOf(rule));
    if (earlier === undefined) return true;
    notes.push(
      `${rule.because}: ${rule.from} goes to ${rule.to} as ${earlier.from} does; a container path has one rule`,
    );
    return false;
  });
}

function guess(folder: string, workingDirectory: string | undefined): ProposedRule {
  const source = SOURCE_FOLDERS.find((name) => isFolder(join(folder, name)));
  const from = source ?? ".";
  // Relative container paths begin at the working directory of the container.
  const to = workingDirectory === undefined || workingDirectory === "/" ? from : posix.join(workingDirectory, from);
  return {
    from,
    to,
    because: "a guess; check where the container has these files",
    ...ignoreFilesFor(folder, from, undefined),
  };
}

/** The ignore files that apply to `from`, and the config itself where it would be sent. */
export function ignoreFilesFor(
  folder: string,
  from: string,
  dockerfile: string | undefined,
): Pick<ProposedRule, "ignoreFiles" | "ignore"> {
  if (!isFolder(join(folder, from))) return {};
  const names: IgnoreFile[] = [];
  const own = dockerfile === undefined ? undefined : (`${posix.basename(dockerfile)}.dockerignore` as const);
  const beside = dockerfile === undefined ? "." : posixOf(dirname(dockerfile));
  if (own !== undefined && exists(join(folder, beside, own))) names.push(own);
  else if (exists(join(folder, ".dockerignore"))) names.push(".dockerignore");
  // A build output that git ignores is what such a rule is for.
  if (exists(join(folder, ".gitignore")) && !isIgnoredByGit(folder, from)) names.push(".gitignore");
  return {
    ...(names.length === 0 ? {} : { ignoreFiles: names }),
    ...(from === "." ? { ignore: ["/kinsync.config.*"] } : {}),
  };
}

/** Whether a plain line of .gitignore names the first folder of the path. */
function isIgnoredByGit(folder: string, from: string): boolean {
  const [first = ""] = from.split("/");
  const lines = readFileSync(join(folder, ".gitignore"), "utf8").split(/\r?\n/);
  return lines.some((line) => line.trim().replaceAll(/^\/|\/\*{0,2}$/g, "") === first);
}

function findDockerfile(folder: string): string | undefined {
  for (const sub of DOCKERFILE_FOLDERS) {
    for (const name of DOCKERFILE_NAMES) {
      if (exists(join(folder, sub, name))) return posix.join(sub, name);
    }
  }
  return readdirSync(folder).find((name) => /^Dockerfile\..+$/.test(name) && !name.endsWith(".dockerignore"));
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A path of this machine as a config writes it. */
export function posixOf(path: string): string {
  return path.split(sep).join("/");
}

/** `path` relative to `folder`, as a config writes it. */
export function relativeTo(folder: string, path: string): string {
  return posixOf(relative(folder, path)) || ".";
}
