import { once } from "node:events";
import { createInterface } from "node:readline";
import type { DeletesRequest } from "@kinsync/core/project";
import type { Input, Io } from "../io.ts";
import { breakAtBlanks } from "./break-lines.ts";
import type { OutputOptions } from "../setup/options.ts";
import type { Reporter } from "./reporter.ts";
import { clean } from "./text.ts";
import { bytes, count } from "./units.ts";

/** Paths that are shown in one question. */
const MAX_PATHS = 10;
/** Targets that are shown in one question. */
const MAX_TARGETS = 20;

/**
 * Asks on the terminal before files are deleted that kinsync did not create. One question at a time; any answer but `y` and `yes` is a no.
 * @returns `undefined` where nobody can be asked: no terminal, JSON, or a CI system
 */
export function createDeletesQuestion(
  options: OutputOptions,
  io: Io,
  reporter: Reporter,
): ((request: DeletesRequest, signal: AbortSignal) => Promise<boolean>) | undefined {
  if (!isAttended(options, io)) return undefined;
  const { stdin, stdout } = io;
  let last: Promise<unknown> = Promise.resolve();
  async function ask(request: DeletesRequest, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    reporter.hold();
    try {
      const lines = formatQuestion(request).flatMap((line) => breakAtBlanks(line, (stdout.columns ?? 80) - 1));
      stdout.write(`${lines.join("\n")} `);
      const answer = await readLine(stdin as Input, signal);
      // The terminal has shown the line break that ends an answer.
      if (answer === undefined) stdout.write("\n");
      return /^y(?:es)?$/i.test(answer?.trim() ?? "");
    } finally {
      reporter.release();
    }
  }
  return (request, signal) => {
    const answer = last.then(() => ask(request, signal));
    last = answer.catch(() => undefined);
    return answer;
  };
}

/** Somebody can answer a question. */
export function isAttended({ json }: OutputOptions, { stdin, stdout, env }: Io): boolean {
  return !json && stdin?.isTTY === true && stdout.isTTY === true && (env["CI"] ?? "") === "";
}

/** The question in lines; the last one ends where the answer begins. */
export function formatQuestion(request: DeletesRequest): readonly string[] {
  const { workload, namespace, to, paths, targets, origin } = request;
  const entries = `${count(paths.length, "entry", "entries")} in ${count(targets.length, "target", "targets")}`;
  const why =
    origin === undefined
      ? `\`mirror: true\` would delete ${entries} that kinsync did not create`
      : `this run would delete ${entries} that came from ${clean(origin.folder)} on ${clean(origin.host)}`;
  const shown = paths.slice(0, MAX_PATHS).map((path) => `  ${clean(path)}`);
  const more = paths.length > MAX_PATHS ? [`  and ${paths.length - MAX_PATHS} more`] : [];
  const losing = targets
    .slice(0, MAX_TARGETS)
    .map(
      (each) => `  pod/${clean(each.pod)}, container ${clean(each.container)}: ${each.count} (${bytes(each.bytes)})`,
    );
  const others = targets.length > MAX_TARGETS ? [`  and ${targets.length - MAX_TARGETS} more targets`] : [];
  return [
    `${clean(workload)} in namespace ${clean(namespace)}, ${clean(to)}: ${why}:`,
    ...shown,
    ...more,
    "From:",
    ...losing,
    ...others,
    "Delete them? [y/N]",
  ];
}

/** One line; `undefined` at the end of the input or of the signal. The terminal keeps its own line editing, and Ctrl-C is a signal. */
export async function readLine(input: Input, signal: AbortSignal): Promise<string | undefined> {
  const lines = createInterface({ input, terminal: false });
  const ending = new AbortController();
  try {
    const limit = AbortSignal.any([signal, ending.signal]);
    const line = once(lines, "line", { signal: limit }).then(([text]: unknown[]) => String(text));
    const end = once(lines, "close", { signal: limit }).then(() => undefined);
    return await Promise.race([line, end]).catch(() => undefined);
  } finally {
    ending.abort();
    lines.close();
    input.pause();
  }
}
