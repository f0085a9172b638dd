import { posix } from "node:path";
import type { TransportCapabilities } from "../contract/capabilities.ts";
import { KinsyncError } from "../errors/error.ts";
import type { GangPolicy } from "./gang-policy.ts";
import type { ResolvedMapping } from "./mapping.ts";
import type { Tree, TreeEntry } from "./tree.ts";

/** What a workload's config asks of the transport of one of its mappings. */
export interface TransportNeeds extends Pick<ResolvedMapping, "inPlace" | "mirror"> {
  /** The workload runs commands, through this mapping's transport. */
  readonly runs: boolean;
  /** All members of the workload get a snapshot at one moment. */
  readonly isGang: boolean;
}

/** What a workload asks of the transport of one of its mappings. */
export function needsOf(
  mapping: ResolvedMapping,
  { run, gang }: { readonly run: readonly unknown[]; readonly gang?: GangPolicy | undefined },
): TransportNeeds {
  return { ...mapping, runs: run.length > 0, isGang: gang !== undefined };
}

/**
 * What the config asks for and the transport does not claim, each as the end of "it cannot …"; empty where it can do everything. Pure:
 * called when a project is loaded, before anything starts, and by the engine for programs that load no project.
 */
export function unsupported(needs: TransportNeeds, capabilities: TransportCapabilities): readonly string[] {
  const missing: string[] = [];
  if (needs.runs && !capabilities.run) missing.push("run commands (`run`)");
  if (needs.inPlace && !capabilities.inPlace) missing.push("write into an existing file (`inPlace: true`)");
  if (needs.mirror && !capabilities.mirror) missing.push("list files that kinsync did not create (`mirror: true`)");
  if (needs.mirror && !capabilities.deletes) missing.push("delete files (`mirror: true`)");
  if (needs.isGang && capabilities.acknowledges !== "seen") {
    missing.push("show a snapshot in all members at one moment (`update: gang`)");
  }
  return missing;
}

/** The same for what a tree holds: known when the local files are read. The first path of each type is named. Pure. */
export function unsupportedInTree(
  tree: Pick<Tree, "bytes" | "entries">,
  capabilities: Pick<TransportCapabilities, "folders" | "links" | "maxBytes" | "names">,
): readonly string[] {
  const missing: string[] = [];
  const folder = capabilities.folders ? undefined : firstOf(tree, "directory");
  if (folder !== undefined) missing.push(`create folders (${folder})`);
  const link = capabilities.links ? undefined : firstOf(tree, "link");
  if (link !== undefined) missing.push(`create links (${link})`);
  const { names } = capabilities;
  const name = names === undefined ? undefined : firstNamedElse(tree, names);
  if (name !== undefined) missing.push(`hold a file with the name ${JSON.stringify(name)}`);
  if (tree.bytes > capabilities.maxBytes) {
    missing.push(`hold ${tree.bytes} bytes in one mapped folder (its limit is ${capabilities.maxBytes})`);
  }
  return missing;
}

/**
 * The error for what a transport cannot do.
 * @param where what needs it: `kinsync.config.yaml:4:7: workloads[0].sync[1]`, or the mapping's id
 * @param reasons as `unsupported` and `unsupportedInTree` return them; at least one
 */
export function unsupportedError(transport: string, where: string, reasons: readonly string[]): KinsyncError {
  return new KinsyncError(
    "KINSYNC_TRANSPORT_CANNOT",
    `${where}: the transport ${transport} cannot ${reasons.join("; it cannot ")}`,
    { details: { transport, reasons } },
  );
}

/**
 * The error for a transport that changes objects of the cluster without consent in the config; `undefined` where it changes none.
 * @param where as in `unsupportedError`
 */
export function consentError(
  transport: string,
  where: string,
  { writesApi }: Pick<TransportCapabilities, "writesApi">,
): KinsyncError | undefined {
  if (writesApi.length === 0) return undefined;
  const what = writesApi.map(({ verbs, resources }) => `${verbs.join(", ")} ${resources.join(", ")}`).join("; ");
  return new KinsyncError(
    "KINSYNC_TRANSPORT_CONSENT",
    `${where}: the transport ${transport} changes objects of the cluster (${what}), and the config does not allow that`,
    { hint: `To allow it, add to the config: writesApi: [${transport}]`, details: { transport, writesApi } },
  );
}

function firstNamedElse({ entries }: Pick<Tree, "entries">, names: RegExp): string | undefined {
  for (const { path } of entries.values()) {
    const name = posix.basename(path);
    if (!names.test(name)) return name;
  }
  return undefined;
}

function firstOf(tree: Pick<Tree, "entries">, type: TreeEntry["type"]): string | undefined {
  for (const entry of tree.entries.values()) if (entry.type === type) return entry.path;
  return undefined;
}
