import { EXIT } from "./exit-code.ts";
import { gatherOutput } from "./gathered-output.ts";
import { createInterrupts } from "./interrupts.ts";
import type { Io } from "./io.ts";
import { createJobControl } from "./job-control.ts";
import { main, tellFailure } from "./main.ts";

/** Milliseconds that leftover handles may keep the process after its work is done. */
const LINGER = 1_000;

/** Runs kinsync as the current process: its arguments, streams, signals and exit code. */
export async function runProcess(): Promise<void> {
  quietWarnings();
  // A reader that went away (`kinsync tree … | head -1`) ends the run.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(EXIT.done);
      if (stream === process.stdout) process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
      process.exit(EXIT.internal);
    });
  }
  const { flush, ...written } = outputs();
  const streams = { ...written, env: process.env };
  // A rejection that is not handled is a defect of kinsync or of a plugin. It is printed as any other error, without a stack.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => process.exit(tellFailure(error, process.argv.slice(2), streams)));
  }
  using interrupts = createInterrupts();
  process.exitCode = await main(process.argv.slice(2), {
    ...streams,
    get stdin() {
      return process.stdin;
    },
    jobControl: createJobControl(),
    cwd: process.cwd(),
    conditions: conditionsOf(process.execArgv),
    onPluginBlocked: (error) => tellFailure(error, process.argv.slice(2), streams),
    signal: interrupts.signal,
  });
  // While the process still lives, so that an output that cannot be written decides the exit code.
  flush();
  setTimeout(() => process.exit(), LINGER).unref();
}

/** A terminal gets all text at once. */
function outputs(): Pick<Io, "stdout" | "stderr"> & { readonly flush: () => void } {
  const { stdout, stderr } = process;
  if (stdout.isTTY) return { stdout, stderr, flush: () => {} };
  const gathered = gatherOutput(stdout);
  // However the process ends: a pipe and a file are written to before it is gone.
  process.on("exit", () => gathered.flush());
  return {
    stdout: gathered,
    stderr: {
      // In one log, the words of both stay in their order.
      write(text) {
        gathered.flush();
        stderr.write(text);
      },
      isTTY: stderr.isTTY,
    },
    flush: () => gathered.flush(),
  };
}

/** Plugins that run from source find the sources of what they import. */
function conditionsOf(args: readonly string[]): readonly string[] {
  return args.flatMap((argument, index) => {
    const inline = /^(?:--conditions|-C)=(.+)$/.exec(argument)?.[1];
    if (inline !== undefined) return [inline];
    const next = args[index + 1];
    return (argument === "--conditions" || argument === "-C") && next !== undefined ? [next] : [];
  });
}

/** Node's own remarks about running TypeScript are not for the user of a config file. */
function quietWarnings(): void {
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    const code = "code" in warning ? String(warning.code) : "";
    if (code === "MODULE_TYPELESS_PACKAGE_JSON") return;
    if (warning.name === "ExperimentalWarning" && /type stripping/i.test(warning.message)) return;
    // Node refused an ES module in a CommonJS package. kinsync then runs it another way.
    if (warning.message.startsWith("Failed to load the ES module: ")) return;
    process.stderr.write(`warning ${code === "" ? warning.name : code}: ${warning.message}\n`);
  });
}
