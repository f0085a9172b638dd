import { readFile } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { KinsyncError } from "@kinsync/core/contract";
import { exists, relativeTo, whyRefused } from "../read-folder.ts";
import type { Imported, ImportedEntry, ProposedRule } from "../proposal.ts";

/**
 * Reads the sync rules of a Tiltfile, a skaffold.yaml or a devspace.yaml. Local paths become relative to `folder`; rules that a config could
 * not have are left out. Throws `KINSYNC_USAGE` for another file, and one that cannot be read.
 * @param file relative to `folder`
 */
export async function readForeign(folder: string, file: string): Promise<Imported> {
  const path = resolve(folder, file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new KinsyncError("KINSYNC_USAGE", `${file} cannot be read`, {
      hint: "Name a Tiltfile, a skaffold.yaml or a devspace.yaml with --from FILE.",
      cause: error,
    });
  }
  const imported = await parse(path, text, file);
  const leftOut = [...imported.leftOut];
  const entries = imported.entries.map((entry) => inFolder(entry, folder, dirname(path), leftOut));
  return { entries: entries.filter(({ sync }) => sync.length > 0), leftOut };
}

async function parse(path: string, text: string, file: string): Promise<Imported> {
  const folder = dirname(path);
  const name = basename(path);
  try {
    if (/tiltfile/i.test(name) || name.endsWith(".tilt")) {
      return await (await import("./tiltfile.ts")).importTiltfile(folder, text, name);
    }
    if (/skaffold/i.test(name) || /^apiVersion:\s*skaffold\//m.test(text)) {
      return await (await import("./skaffold.ts")).importSkaffold(folder, text, name);
    }
    if (/devspace/i.test(name)) return await (await import("./devspace.ts")).importDevspace(text, name);
  } catch (error) {
    throw new KinsyncError("KINSYNC_USAGE", `${file} cannot be read: ${error instanceof Error ? error.message : ""}`, {
      hint: "Check it with its own tool, or leave --from out.",
      cause: error,
    });
  }
  throw new KinsyncError("KINSYNC_USAGE", `${file} is neither a Tiltfile nor a skaffold.yaml nor a devspace.yaml`, {
    hint: "kinsync recognizes them by their names.",
  });
}

/** Makes local paths relative to `folder`, and leaves out rules that `config check` would refuse. */
function inFolder(entry: ImportedEntry, folder: string, base: string, leftOut: string[]): ImportedEntry {
  const taken = new Map<string, ProposedRule>();
  for (const rule of entry.sync) {
    const from = relativeTo(folder, join(base, rule.from));
    const moved = { ...rule, from };
    const why = exists(resolve(folder, from)) ? whyRefused(folder, moved) : `there is no ${from}`;
    const key = posix.join(moved.to);
    if (why !== undefined)
      leftOut.push(
        `${rule.because}: ${rule.from} -> ${rule.to}: ${moved.to === rule.to && why.startsWith("there") ? why : `${rule.to} is ${why}`}`,
      );
    else if (taken.has(key))
      leftOut.push(`${rule.because}: ${rule.from} -> ${rule.to}: another rule has this container path`);
    else taken.set(key, moved);
  }
  return { ...entry, sync: [...taken.values()] };
}
