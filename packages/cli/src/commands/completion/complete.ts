import type { RootCommand } from "@bomb.sh/tab";
import type { Command } from "commander";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { captured } from "./captured.ts";
import { valuesFor, type Wanted } from "./values.ts";

/** Options whose value is a name that can be looked up, and what is looked up. */
const VALUES: Readonly<Record<string, Wanted>> = { context: "contexts", profile: "profiles", role: "roles" };
/** Options whose value is a path: the shell completes it. */
const PATHS = /^--(?:config|kubeconfig|sync|dockerfile|from)(?:=|$)/;
/** `ShellCompDirectiveDefault` in place of `ShellCompDirectiveNoFileComp`: the shell may offer files. */
const NO_FILES = /:4\n$/;

/**
 * Answers the script of a shell: a line for each completion of the last word, then `:` and a number that the script understands. Looks up
 * names within two seconds, prints no error, and always succeeds: a shell that completes shows neither.
 * @param words of the command line after `kinsync`; the last one is not complete, and may be empty
 */
export async function runComplete(program: Command, words: readonly string[], io: Io): Promise<number> {
  const before = words.at(-2) ?? "";
  const last = words.at(-1) ?? "";
  const wanted = wantedOf(program, words);
  const values = wanted === undefined ? [] : await valuesFor(wanted, words, io);
  const { RootCommand } = await import("@bomb.sh/tab");
  const root = describeTo(new RootCommand(), program, values);
  const answer = captured(() => root.parse([...words]));
  const isPath = PATHS.test(last) || (PATHS.test(before) && !last.startsWith("-"));
  io.stdout.write(isPath ? answer.replace(NO_FILES, ":0\n") : answer);
  return EXIT.done;
}

/** What the last word may be the name of. */
function wantedOf(program: Command, words: readonly string[]): Wanted | undefined {
  const last = words.at(-1) ?? "";
  const option = last.includes("=") ? last.slice(0, last.indexOf("=")) : (words.at(-2) ?? "");
  const value = VALUES[option.replace(/^--/, "")];
  if (option.startsWith("--") && value !== undefined) return value;
  if (last.startsWith("-")) return undefined;
  const command = program.commands.find((each) => each.name() === words[0]);
  const takesWorkloads = command?.registeredArguments.some((argument) => /^workloads?$/.test(argument.name())) ?? false;
  return takesWorkloads && words.length > 1 ? "workloads" : undefined;
}

/** Tells the library of the commands, options and arguments of the program. */
function describeTo(root: RootCommand, program: Command, values: readonly string[]): RootCommand {
  const offer = (complete: (value: string, description: string) => void): void => {
    for (const value of values) complete(value, "");
  };
  const describe = (command: Command, path: readonly string[]): void => {
    for (const child of command.createHelp().visibleCommands(command)) {
      const names = [...path, child.name()];
      const described = root.command(names.join(" "), child.description());
      for (const option of child.createHelp().visibleOptions(child)) {
        const name = option.long?.slice(2);
        if (name === undefined) continue;
        const alias = option.short?.slice(1);
        if (option.required) described.option(name, option.description, choicesOf(option.argChoices, offer), alias);
        else described.option(name, option.description, alias);
      }
      for (const argument of child.registeredArguments) {
        described.argument(argument.name(), choicesOf(argument.argChoices, offer), argument.variadic);
      }
      describe(child, names);
    }
  };
  describe(program, []);
  return root;
}

type Offer = (complete: (value: string, description: string) => void) => void;

function choicesOf(choices: readonly string[] | undefined, offer: Offer): Offer {
  if (choices === undefined) return offer;
  return (complete) => {
    for (const choice of choices) complete(choice, "");
  };
}
