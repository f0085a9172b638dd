import { posix } from "node:path";
import type { Copy, Dockerfile } from "dockerfile-ast";

/** A local path that an image gets from its build context. */
export interface ImageCopy {
  /** POSIX path relative to the build context; `.` is all of it. */
  readonly from: string;
  /** POSIX path in the container: absolute, or relative to the working directory of the base image. */
  readonly to: string;
  /** The destination is a folder, also for a single file. */
  readonly toIsFolder: boolean;
  /** Line of the Dockerfile, from 1. */
  readonly line: number;
}

/** What a Dockerfile tells about the files of its image. */
export interface DockerfileFacts {
  /** Absolute where the Dockerfile sets it so. */
  readonly workingDirectory: string | undefined;
  readonly copies: readonly ImageCopy[];
  /** Lines that kinsync cannot use, each with the reason. */
  readonly notes: readonly string[];
}

interface BuildStage {
  readonly copies: ImageCopy[];
  workingDirectory: string | undefined;
}

/** Reads the `COPY`, `ADD` and `WORKDIR` instructions of the last stage, and of the stages that it is built from and copies from. */
export async function readDockerfile(text: string, name: string): Promise<DockerfileFacts> {
  const { DockerfileParser } = await import("dockerfile-ast");
  const dockerfile = DockerfileParser.parse(text);
  const stages = new Map<string, BuildStage>();
  const notes: string[] = [];
  let count = 0;
  let stage: BuildStage = { copies: [], workingDirectory: undefined };
  for (const instruction of dockerfile.getInstructions()) {
    const keyword = instruction.getKeyword();
    const line = instruction.getRange().start.line;
    const words = instruction.getArguments().map((word) => word.getValue());
    const where = `${name}:${line + 1}`;
    if (keyword === "FROM") {
      const [image = "", as, alias] = words;
      const base = stages.get(image.toLowerCase());
      stage = { copies: [...(base?.copies ?? [])], workingDirectory: base?.workingDirectory };
      stages.set(String(count), stage);
      if (as?.toLowerCase() === "as" && alias !== undefined) stages.set(alias.toLowerCase(), stage);
      count += 1;
    } else if (keyword === "WORKDIR") {
      const path = expand(words.join(" "), dockerfile, line);
      if (path === undefined) notes.push(`${where}: WORKDIR has a variable without a value`);
      else stage.workingDirectory = posix.join(stage.workingDirectory ?? "", path);
    } else if (keyword === "COPY" || keyword === "ADD") {
      const raw = instruction.getRawArgumentsContent() ?? "";
      const source = "getFromFlag" in instruction ? (instruction as Copy).getFromFlag()?.getValue() : undefined;
      const paths = jsonWords(raw) ?? words.filter((word) => !word.startsWith("--"));
      addCopies({ stage, source: source ?? undefined, stages, where, notes, line: line + 1 }, paths, (word) =>
        expand(word, dockerfile, line),
      );
    }
  }
  return { ...stage, notes };
}

/** The form `COPY ["a b", "/app/"]`. */
function jsonWords(raw: string): readonly string[] | undefined {
  const list = /\[.*\]\s*$/s.exec(raw.replace(/^(?:\s*--\S+)*/, ""))?.[0];
  if (list === undefined) return undefined;
  try {
    const words: unknown = JSON.parse(list);
    return Array.isArray(words) ? words.map(String) : undefined;
  } catch {
    return undefined;
  }
}

interface CopyContext {
  readonly stage: BuildStage;
  /** Value of `--from`. */
  readonly source: string | undefined;
  readonly stages: ReadonlyMap<string, BuildStage>;
  readonly where: string;
  readonly notes: string[];
  readonly line: number;
}

function addCopies(context: CopyContext, words: readonly string[], value: (word: string) => string | undefined): void {
  const { stage, source, stages, where, notes, line } = context;
  const expanded = words.map(value);
  if (expanded.length < 2) return;
  if (expanded.some((word) => word === undefined)) {
    notes.push(`${where}: a path has a variable without a value`);
    return;
  }
  const paths = expanded as string[];
  const sources = paths.slice(0, -1);
  const target = paths.at(-1) ?? "";
  const toIsFolder = target.endsWith("/") || /(?:^|\/)\.$/.test(target) || sources.length > 1;
  const base = stage.workingDirectory;
  const to = base === undefined ? posix.normalize(target) : posix.resolve("/", base, target);
  const clean = to === "/" ? to : to.replace(/\/$/, "");
  for (const from of sources) {
    if (source !== undefined) {
      const other = stages.get(source.toLowerCase());
      // Another image holds no local files.
      if (other !== undefined) stage.copies.push(...throughStage(other, from, clean, toIsFolder, line));
    } else if (from.startsWith("<<")) {
      continue;
    } else if (/^[a-z][a-z0-9+.-]*:\/\/|^git@/i.test(from)) {
      notes.push(`${where}: ${from} comes from the network`);
    } else if (/[*?[\]]/.test(from)) {
      notes.push(`${where}: ${from} has a wildcard; a sync rule names a folder or a file`);
    } else {
      const path = posix.normalize(from.replace(/^\/+/, "")).replace(/\/$/, "") || ".";
      if (path !== ".." && !path.startsWith("../")) stage.copies.push({ from: path, to: clean, toIsFolder, line });
    }
  }
}

/** Local files that reach the image by way of another stage, as far as that stage only copied them. */
function throughStage(
  stage: BuildStage,
  path: string,
  to: string,
  toIsFolder: boolean,
  line: number,
): readonly ImageCopy[] {
  const wanted = posix.resolve("/", stage.workingDirectory ?? "/", path);
  return stage.copies.flatMap((copy): readonly ImageCopy[] => {
    const there = posix.resolve("/", copy.to);
    const below = posix.relative(wanted, there);
    if (below.startsWith("..")) return [];
    return [{ ...copy, to: posix.join(to, below), toIsFolder: copy.toIsFolder || (below === "" && toIsFolder), line }];
  });
}

/** Variables whose values have variables are followed this deep. */
const MAX_DEPTH = 8;

/** Replaces `$NAME`, `${NAME}` and `${NAME:-default}`; `undefined` where one has no value. */
function expand(word: string, dockerfile: Dockerfile, line: number, depth = 0): string | undefined {
  let isKnown = true;
  const expandDeeper = (value: string): string | undefined =>
    depth < MAX_DEPTH ? expand(value, dockerfile, line, depth + 1) : undefined;
  const text = word.replaceAll(
    /\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})/g,
    (_all, plain: string | undefined, braced: string | undefined, otherwise: string | undefined) => {
      const value = dockerfile.resolveVariable(plain ?? braced ?? "", line) ?? otherwise;
      const found = value?.includes("$") === true ? expandDeeper(value) : value;
      if (found === undefined) isKnown = false;
      return found ?? "";
    },
  );
  return isKnown ? text : undefined;
}
