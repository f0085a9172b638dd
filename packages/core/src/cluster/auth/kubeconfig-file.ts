import { readFile } from "node:fs/promises";
import { KinsyncError } from "../../errors/error.ts";
import { isRecord } from "./foreign-fields.ts";

/**
 * Reads one kubeconfig file, YAML or JSON. `undefined` if it does not exist.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG`: it cannot be read or parsed, with its line and none of its content
 */
export async function readKubeconfig(file: string): Promise<{ readonly content: unknown } | undefined> {
  const text = await textOfFile(file);
  if (text === undefined) return undefined;
  const content = await parseKubeconfig(text, file);
  if (content !== undefined && content !== null && !isRecord(content)) {
    throw brokenKubeconfig(file, "it is not a mapping of keys");
  }
  return { content };
}

async function textOfFile(file: string): Promise<string | undefined> {
  try {
    return decode(await readFile(file));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const why = code === "EACCES" ? "permission denied" : code === "EISDIR" ? "it is a folder" : String(code);
    throw new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", `The kubeconfig ${file} cannot be read: ${why}`, {
      cause,
      hint: "Check its permissions, or set KUBECONFIG.",
    });
  }
}

/** UTF-8, or UTF-16 with its mark: PowerShell 5 writes the latter with `>`. */
function decode(bytes: Buffer): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  // The decoder drops the mark.
  return new TextDecoder(encoding).decode(bytes);
}

async function parseKubeconfig(text: string, file: string): Promise<unknown> {
  // Loading the YAML parser costs more than parsing, so JSON does not load it.
  if (text.trimStart().startsWith("{")) {
    try {
      return JSON.parse(text);
    } catch {
      // Flow YAML, or broken: the YAML parser reports the location.
    }
  }
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text, { merge: true, uniqueKeys: false, logLevel: "silent", prettyErrors: true });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line;
    // The full message quotes lines of the file, and those may contain a token.
    const sentence = problem.message.split(" at line ")[0]?.split("\n")[0] ?? problem.code;
    const why = problem.code === "BAD_ALIAS" ? "an alias has no anchor" : sentence;
    throw brokenKubeconfig(line === undefined ? file : `${file}:${line}`, why);
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    throw brokenKubeconfig(file, "its aliases cannot be resolved");
  }
}

/** @param place the file, with the line where that is known */
export function brokenKubeconfig(place: string, why: string): KinsyncError {
  return new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", `The kubeconfig ${place} cannot be parsed: ${why}`, {
    hint: "Fix the error at the location shown above. `kubectl config view` shows how kubectl reads the file.",
  });
}
