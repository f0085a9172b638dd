import { isAbsolute, resolve, sep } from "node:path";
import type { PullEvent } from "@kinsync/core";
import { KinsyncError } from "@kinsync/core/contract";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { clean } from "../../render/text.ts";
import { readWorkload } from "../../setup/read-workload.ts";
import type { ClusterOptions } from "../../setup/options.ts";
import { jsonOf, PullFormat } from "./format-event.ts";
import { PullLine } from "./pull-line.ts";

export interface PullOptions extends ClusterOptions {
  readonly all: boolean;
  readonly overwrite: boolean;
  readonly role: string | undefined;
  readonly index: string | undefined;
  readonly container: string | undefined;
}

/** Copies a path of containers to this machine. Writes nothing in a container. */
export async function runPull(from: string, to: string, options: PullOptions, io: Io): Promise<number> {
  const { workload, path } = parseFrom(from);
  const { all, overwrite, role, index, container } = options;
  const { pullFiles, resolveOnce } = await import("@kinsync/core");
  return await readWorkload(workload, options, io, async ({ cluster, transport, found, ...reader }) => {
    if (transport === undefined) throw new KinsyncError("KINSYNC_INTERNAL", "the transport exec is missing");
    const { namespace } = found.ref;
    const { ref, kind } = found;
    const resolution = await resolveOnce({ ...reader, cluster, ref, kind, signal: io.signal });
    const { members, problems } = resolution;
    const [problem] = problems;
    if (problem !== undefined && members.length === 0) throw problem;
    for (const each of problems) io.stderr.write(`note: ${clean(each.message)}. ${clean(each.hint)}\n`);
    const format = new PullFormat(overwrite);
    const line = new PullLine(options.json ? undefined : io.stderr);
    let code: number = EXIT.done;
    const onEvent = (event: PullEvent): void => {
      code = Math.max(code, codeOf(event));
      if (options.json) io.stdout.write(`${JSON.stringify(jsonOf(event, { workload, namespace }))}\n`);
      else if (event.type === "progress") line.draw(event);
      else line.around(event, () => print(format.line(event), event.type === "done" ? io.stdout : io.stderr));
    };
    const local = absolute(to, io.cwd);
    const choice = { all, role, index, container, overwrite };
    const count = await pullFiles({
      cluster,
      transport,
      members,
      path,
      to: local,
      ...choice,
      signal: io.signal,
      onEvent,
    }).finally(() => line.clear());
    if (count > 0) return code;
    io.stderr.write(`note: ${nothing(options)}; \`kinsync tree\` shows the members and why\n`);
    return EXIT.nothing;
  });
}

/** A local folder that cannot be used is the user's to name, a container that cannot be read is not. */
function codeOf(event: PullEvent): number {
  if (event.type === "failed") return event.error.code === "KINSYNC_PULL_LOCAL" ? EXIT.usage : EXIT.behind;
  return event.type === "done" && !event.isComplete ? EXIT.behind : EXIT.done;
}

function print(text: string | undefined, output: Io["stdout"]): void {
  if (text !== undefined) output.write(`${text}\n`);
}

/** @throws `KINSYNC_USAGE` */
function parseFrom(from: string): { readonly workload: string; readonly path: string } {
  const at = from.indexOf(":");
  if (at > 0 && at < from.length - 1) return { workload: from.slice(0, at), path: from.slice(at + 1) };
  throw new KinsyncError("KINSYNC_USAGE", `${JSON.stringify(from)} names no path in a container`, {
    hint: "Write WORKLOAD:PATH and a local folder: `kinsync pull jobset/train:/app/results results`.",
  });
}

/** A slash at the end stays: it says that the path is a folder. */
function absolute(to: string, cwd: string): string {
  const path = isAbsolute(to) ? to : resolve(cwd, to);
  return /[/\\]$/.test(to) && !path.endsWith(sep) ? path + sep : path;
}

function nothing({ role, index, container }: PullOptions): string {
  const which = [
    ...(role === undefined ? [] : [`of role ${role}`]),
    ...(index === undefined ? [] : [`with index ${index}`]),
    ...(container === undefined ? [] : [`with a container ${container}`]),
  ];
  return ["no current member", ...which, "runs"].join(" ");
}
