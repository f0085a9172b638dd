import type { InspectedConfig } from "@kinsync/core/project";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { clean, cleanData } from "../../render/text.ts";
import { count } from "../../render/units.ts";
import type { ClusterOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";
import { resolvedValues } from "./resolved-values.ts";
import { formatValues, type ConfigValue } from "./format-values.ts";

/** Checks the config as `up` does, and connects to no cluster. The error names what is wrong, and the exit code is 2 then. */
export async function runConfigCheck(options: ClusterOptions, io: Io): Promise<number> {
  const { file, workloads, kinds, transports, notes } = await inspect(options, io);
  if (options.json) {
    const names = workloads.map(({ workload, namespace }) => ({ workload, namespace }));
    io.stdout.write(`${JSON.stringify(cleanData({ file, ok: true, workloads: names, kinds, transports, notes }))}\n`);
    return EXIT.done;
  }
  const mappings = workloads.reduce((sum, each) => sum + each.mappings.length, 0);
  io.stdout.write(
    `${clean(file)} is valid: ${count(workloads.length, "workload")}, ${count(mappings, "sync rule")}\n` +
      notes.map((note) => `note ${clean(note)}\n`).join(""),
  );
  return EXIT.done;
}

/** Prints the config with every default filled in, each value with the place that it comes from. */
export async function runConfigPrint(options: ClusterOptions, io: Io): Promise<number> {
  const inspected = await inspect(options, io);
  const values = resolvedValues(inspected);
  if (options.json) {
    const sources: Record<string, string> = {};
    const config = plain(values, "", sources);
    io.stdout.write(`${JSON.stringify(cleanData({ file: inspected.file, config, sources }))}\n`);
    return EXIT.done;
  }
  io.stdout.write(`# ${clean(inspected.file)} with every default. The comments name where a value comes from.\n`);
  io.stdout.write(await formatValues(values));
  return EXIT.done;
}

async function inspect(options: ClusterOptions, io: Io): Promise<InspectedConfig> {
  const { inspectConfig } = await import("@kinsync/core/project");
  return await inspectConfig(projectOptions(options, io, {}));
}

/** The values alone; fills `sources` with the place of each by its path. */
function plain(value: ConfigValue, path: string, sources: Record<string, string>): unknown {
  if ("value" in value) {
    sources[path] = value.source;
    return value.value;
  }
  if ("list" in value) return value.list.map((each, place) => plain(each, `${path}[${place}]`, sources));
  return Object.fromEntries(
    Object.entries(value.fields).map(([key, each]) => [
      key,
      plain(each, path === "" ? key : `${path}.${key}`, sources),
    ]),
  );
}
