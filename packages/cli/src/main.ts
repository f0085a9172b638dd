import { KinsyncError } from "@kinsync/core/contract";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { Interrupted } from "./interrupts.ts";
import type { Io } from "./io.ts";
import { CommanderError, createProgram } from "./program.ts";
import { createPaint } from "./render/color.ts";
import { asKinsyncError, printError } from "./render/error.ts";

/**
 * Runs one command line and gives the exit code. Prints to `io` alone, ends no process, and never rejects.
 * @param args without node and script: `["up", "jobset/train"]`
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const argv = args.flatMap(splitShortOption);
  let code: number = EXIT.done;
  const program = createProgram(io, (result) => {
    code = result;
  });
  try {
    if (argv[0] === "version") argv[0] = "--version";
    if (argv[0] === "help" && argv[1] !== undefined && !argv[1].startsWith("-")) {
      await refuseUnknownTopic(program, argv[1]);
    }
    if (argv.length === 0 || argv.join(" ") === "help help") {
      program.outputHelp();
      return EXIT.done;
    }
    await program.parseAsync(argv, { from: "user" });
    return io.signal.aborted ? EXIT.interrupted : code;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.done;
    if (io.signal.aborted && isInterruption(thrown, io.signal)) return EXIT.interrupted;
    if (!(thrown instanceof CommanderError)) return tellFailure(thrown, argv, io);
    const command = program.commands.find((each) => each.name() === argv[0]);
    return tellFailure(await usageError(thrown, command?.name()), argv, io);
  }
}

/** Prints what ended a run, in the form that its arguments ask for, and gives the exit code. */
export function tellFailure(
  thrown: unknown,
  argv: readonly string[],
  io: Pick<Io, "stdout" | "stderr" | "env">,
): number {
  // Not from the parsed arguments, since an error about an argument has the requested form too.
  const json = /^(?:.* )?(?:-o=?|--output[ =]) ?json(?: .*)?$/.test(argv.join(" "));
  const error = asKinsyncError(thrown);
  const output = json ? io.stdout : io.stderr;
  const paint = createPaint(output, io.env, !argv.includes("--no-color"));
  printError(output, error, { json, debug: argv.includes("--debug"), paint });
  return exitCodeOf(error.code);
}

/** `-o=json` and `-n=prod`, as kubectl takes them. */
function splitShortOption(argument: string): readonly string[] {
  const match = /^(-[no])=(.*)$/s.exec(argument);
  return match?.[1] === undefined ? [argument] : [match[1], match[2] ?? ""];
}

/** commander answers `help` of a command that does not exist with an error without words. */
async function refuseUnknownTopic(program: ReturnType<typeof createProgram>, topic: string): Promise<void> {
  const names = [...program.commands.map((each) => each.name()), "help"];
  if (names.includes(topic)) return;
  const [{ hintOfCommand }, { nearest }] = await Promise.all([
    import("./kubectl-words.ts"),
    import("@kinsync/core/config"),
  ]);
  const near = nearest(topic, names);
  const others = near === undefined ? `Known commands: ${names.join(", ")}.` : `Did you mean ${near}?`;
  throw new KinsyncError("KINSYNC_USAGE", `unknown command \`${topic}\``, { hint: hintOfCommand(topic) ?? others });
}

/** True for errors that only report the interrupt: the user who pressed Ctrl-C knows of it. */
function isInterruption(thrown: unknown, signal: AbortSignal): boolean {
  for (let each: unknown = thrown, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth += 1) {
    if (each === signal.reason || each instanceof Interrupted || each.name === "AbortError") return true;
  }
  return false;
}

async function usageError(error: CommanderError, command: string | undefined): Promise<KinsyncError> {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const message = first.replaceAll("'", "`");
  const hint = (await kubectlHint(message)) ?? ownHint(rest.join(" "), command);
  return new KinsyncError("KINSYNC_USAGE", message, hint === undefined ? {} : { hint });
}

function ownHint(rest: string, command: string | undefined): string | undefined {
  const suggestion = /\(Did you mean (.+)\?\)/.exec(rest)?.[1];
  if (suggestion !== undefined) return `Did you mean ${suggestion}?`;
  return command === undefined ? "See kinsync --help." : `See kinsync ${command} --help.`;
}

/** The way of kinsync for what a user of kubectl typed. */
async function kubectlHint(message: string): Promise<string | undefined> {
  const [, what, name = ""] = /^unknown (command|option) `([^`=]+)/.exec(message) ?? [];
  const words = /^too many arguments .* got \d+: (.*)\.$/.exec(message)?.[1]?.split(", ");
  if (what === undefined && words === undefined) return undefined;
  const { hintOfArguments, hintOfCommand, hintOfOption } = await import("./kubectl-words.ts");
  if (words !== undefined) return hintOfArguments(words);
  return what === "command" ? hintOfCommand(name) : hintOfOption(name);
}
