// Runs the real `kinsync demo`, and renders what it prints as docs/images/demo.svg.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { terminalSvg } from "./terminal-svg.ts";
import type { RecordedLine } from "./terminal-svg.ts";

const ROOT = resolve(import.meta.dirname, "..");
const LIMIT_MS = 120_000;

/** Columns of the pictured terminal. Longer lines are wrapped, so that the picture stays readable at the width of a page. */
const COLUMNS = 112;

/** What `kinsync demo` prints, in color, line by line. Throws if the demo fails. */
export async function recordDemo(): Promise<readonly RecordedLine[]> {
  const { NO_COLOR: _, ...env } = process.env;
  const child = spawn(process.execPath, ["--conditions=kinsync:source", "packages/cli/bin/kinsync.mjs", "demo"], {
    cwd: ROOT,
    env: { ...env, FORCE_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const { promise: exitCode, resolve: onExit, reject } = Promise.withResolvers<number | null>();
  child.once("exit", onExit);
  child.once("error", reject);
  const began = performance.now();
  const lines: RecordedLine[] = [];
  for await (const text of createInterface({ input: child.stdout }))
    lines.push({ text, at: performance.now() - began });
  const code = await exitCode;
  if (code !== 0) throw new Error(`kinsync demo exited with ${code}:\n${lines.map(({ text }) => text).join("\n")}`);
  return lines;
}

export function demoPicture(lines: readonly RecordedLine[]): string {
  return terminalSvg({ title: "npm run demo", lines, columns: COLUMNS });
}

if (import.meta.main) {
  writeFileSync(resolve(ROOT, "docs", "images", "demo.svg"), demoPicture(await recordDemo()));
}
