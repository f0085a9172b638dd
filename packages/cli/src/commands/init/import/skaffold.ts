import { join, posix } from "node:path";
import { rulesOfDockerfile, exists } from "../read-folder.ts";
import type { Imported, ImportedEntry, ProposedRule, ProposedRun } from "../proposal.ts";
import { splitGlob } from "./glob.ts";
import { isSameImage, readManifests } from "./manifests.ts";

interface SkaffoldArtifact {
  readonly image?: string;
  readonly context?: string;
  readonly docker?: { readonly dockerfile?: string };
  readonly sync?: {
    readonly manual?: readonly { readonly src?: string; readonly dest?: string; readonly strip?: string }[];
    readonly infer?: readonly string[];
    readonly auto?: boolean;
    readonly hooks?: Readonly<
      Record<
        "before" | "after",
        readonly { readonly host?: unknown; readonly container?: { readonly command?: readonly string[] } }[]
      >
    >;
  };
}

interface SkaffoldFile {
  readonly build?: { readonly artifacts?: readonly SkaffoldArtifact[] };
  readonly manifests?: { readonly rawYaml?: readonly string[]; readonly kustomize?: unknown; readonly helm?: unknown };
  readonly deploy?: { readonly kubectl?: { readonly manifests?: readonly string[] } };
  readonly profiles?: readonly { readonly name?: string; readonly build?: SkaffoldFile["build"] }[];
}

/** Reads the sync rules of a skaffold.yaml: `manual`, `infer`, `auto` and the hooks that run in the container. */
export async function importSkaffold(folder: string, text: string, name: string): Promise<Imported> {
  const { parseAllDocuments } = await import("yaml");
  const entries: ImportedEntry[] = [];
  const leftOut: string[] = [];
  for (const document of parseAllDocuments(text)) {
    const file = (document.toJS() ?? {}) as SkaffoldFile;
    const globs = file.manifests?.rawYaml ?? file.deploy?.kubectl?.manifests ?? ["k8s/*.yaml"];
    const workloads = await readManifests(folder, globs);
    for (const artifact of file.build?.artifacts ?? []) {
      const { image = "", sync } = artifact;
      if (sync === undefined) continue;
      const read = await readArtifact(folder, artifact, name, leftOut);
      if (read.sync.length === 0) continue;
      const owners = workloads.filter(({ images }) => images.some((each) => isSameImage(each, image)));
      if (owners.length === 0) entries.push({ images: [image], workload: undefined, ...read });
      for (const { workload, namespace } of owners) entries.push({ images: [image], workload, namespace, ...read });
    }
    for (const profile of file.profiles ?? []) {
      if (profile.build?.artifacts?.some(({ sync }) => sync !== undefined) === true) {
        leftOut.push(
          `${name}: the sync rules of the profile ${profile.name ?? ""}; write them into \`profiles\` of the config`,
        );
      }
    }
  }
  return { entries, leftOut };
}

async function readArtifact(
  folder: string,
  artifact: SkaffoldArtifact,
  name: string,
  leftOut: string[],
): Promise<{ readonly sync: readonly ProposedRule[]; readonly run: readonly ProposedRun[] }> {
  const { image = "", context = ".", sync = {} } = artifact;
  const where = `${name}, ${image}`;
  const rules: ProposedRule[] = [];
  for (const { src, dest, strip = "" } of sync.manual ?? []) {
    if (src === undefined || dest === undefined) continue;
    const { base, ignore } = splitGlob(src);
    const bare = posix.normalize(strip).replace(/\/$/, "");
    const below = strip === "" ? base : posix.relative(bare, base);
    if (below.startsWith("..")) {
      leftOut.push(`${where}: sync.manual ${src}: \`strip: ${strip}\` removes more than the folder ${base}`);
      continue;
    }
    rules.push({
      from: posix.join(context, base),
      to: posix.join(dest, below),
      ...(ignore === undefined ? {} : { ignore }),
      because: `sync.manual ${src} of ${where}`,
    });
  }
  if (sync.auto === true || sync.infer !== undefined) {
    rules.push(...(await inferred(folder, artifact, where, leftOut)));
  }
  const { before = [], after = [] } = sync.hooks ?? {};
  if (before.length > 0) leftOut.push(`${where}: sync.hooks.before; kinsync runs commands after a sync only`);
  if (after.some(({ host }) => host !== undefined)) leftOut.push(`${where}: sync.hooks.after on this machine (host)`);
  const run = after.flatMap(({ container }): readonly ProposedRun[] =>
    container?.command === undefined
      ? []
      : [{ when: ["**"], command: container.command, because: `sync.hooks.after of ${where}` }],
  );
  return { sync: rules, run };
}

/** `infer` and `auto`: what the Dockerfile copies is where the files go. */
async function inferred(
  folder: string,
  { context = ".", docker, sync = {} }: SkaffoldArtifact,
  where: string,
  leftOut: string[],
): Promise<readonly ProposedRule[]> {
  const dockerfile = posix.join(context, docker?.dockerfile ?? "Dockerfile");
  const what = sync.infer === undefined ? "sync.auto" : "sync.infer";
  if (!exists(join(folder, dockerfile))) {
    leftOut.push(`${where}: ${what}; there is no ${dockerfile} to infer container paths from`);
    return [];
  }
  const { rules, notes } = await rulesOfDockerfile(folder, dockerfile, context);
  leftOut.push(...notes);
  if (sync.infer === undefined)
    return rules.map((rule) => ({ ...rule, because: `${what} of ${where}, ${rule.because}` }));
  return sync.infer.flatMap((pattern) => {
    const { base, ignore } = splitGlob(pattern);
    const from = posix.join(context, base);
    const because = `sync.infer ${pattern} of ${where}`;
    const found = rules.flatMap((rule): readonly ProposedRule[] => {
      const { ignore: _own, ...bare } = rule;
      const filter = ignore === undefined ? {} : { ignore };
      const below = posix.relative(rule.from, from);
      if (!below.startsWith("..")) return [{ ...bare, from, to: posix.join(rule.to, below), ...filter, because }];
      // The folder of the glob holds the copied one.
      return posix.relative(from, rule.from).startsWith("..") ? [] : [{ ...bare, ...filter, because }];
    });
    if (found.length === 0) leftOut.push(`${because}: ${dockerfile} copies no such files`);
    return found;
  });
}
