import type { FoundWorkload, ReflectorPool } from "@kinsync/core";
import type { ClusterConnection, TransportPlugin } from "@kinsync/core/contract";
import { KinsyncError } from "@kinsync/core/contract";
import type { KindEntry } from "@kinsync/core/project";
import type { Io } from "../io.ts";
import { clean } from "../render/text.ts";
import type { ClusterOptions } from "./options.ts";
import { projectOptions } from "./project.ts";

/** A workload that a command only reads, and what to read it with. */
export interface WorkloadReader {
  readonly cluster: ClusterConnection;
  readonly reflectors: ReflectorPool;
  readonly found: FoundWorkload;
  /** All kinds. */
  readonly kinds: readonly KindEntry[];
  /** The transport of mappings that name none. */
  readonly transport: TransportPlugin | undefined;
}

/** Finds a workload for a command that only reads, and closes everything afterwards. */
export async function readWorkload<Result>(
  workload: string,
  options: ClusterOptions,
  io: Io,
  use: (reader: WorkloadReader) => Promise<Result>,
): Promise<Result> {
  const { openProject } = await import("@kinsync/core/project");
  const { ReflectorPool } = await import("@kinsync/core");
  await using project = await openProject({
    ...projectOptions(options, io, { workloads: [workload] }),
    access: "read",
    onStep: (step) => {
      if (step.step === "config") for (const note of step.notes) io.stderr.write(`note: ${clean(note)}\n`);
    },
  });
  const { cluster, workloads } = project;
  const [first, ...others] = workloads;
  if (first === undefined || others.length > 0) {
    const namespaces = workloads.map(({ ref }) => ref.namespace);
    throw new KinsyncError("KINSYNC_USAGE", `${workload} is in the namespaces ${namespaces.join(", ")} of the config`, {
      hint: `Choose one: -n ${namespaces[0] ?? "NAMESPACE"}`,
      details: { namespaces },
    });
  }
  await using reflectors = new ReflectorPool({ cluster });
  const { kinds, transports } = project.registry;
  const entry = transports.find(({ name }) => name === "exec");
  const transport = entry?.type === "lazy-transport" ? await entry.load() : entry;
  return await use({ cluster, reflectors, found: first.found, kinds, transport });
}
