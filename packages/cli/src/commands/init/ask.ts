import type { Readable, Writable } from "node:stream";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { clean } from "../../render/text.ts";
import type { OutputOptions } from "../../setup/options.ts";
import type { ProposedRule } from "./proposal.ts";
import type { WorkloadFacts } from "./read-cluster.ts";
import { rulesOfFlags } from "./rules-of-flags.ts";

/** The user left a question with Ctrl-C or Escape. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  readonly exitCode = EXIT.interrupted;
}

/** Questions of `init`. */
export interface Questions {
  /** Of several workloads, those to keep up to date. */
  workloads(names: readonly string[]): Promise<readonly string[]>;
  /** Of several containers, the one that gets the files. */
  container(workload: string, facts: WorkloadFacts): Promise<string | undefined>;
  /** Which of the proposed rules are right, and others. */
  rules(workload: string, proposed: readonly ProposedRule[]): Promise<readonly ProposedRule[]>;
  /** Whether kinsync may write to a context that is not local. */
  allowContext(context: string): Promise<boolean>;
}

/** Asks on the terminal; `undefined` where nobody can be asked: no terminal, JSON, or a CI system. */
export async function createQuestions({ json }: OutputOptions, io: Io): Promise<Questions | undefined> {
  const { stdin, stdout, env, signal } = io;
  const isAttended = stdin?.isTTY === true && stdout.isTTY === true && (env["CI"] ?? "") === "";
  if (json || !isAttended) return undefined;
  const { isCancel, multiselect, select, text, confirm } = await import("@clack/prompts");
  // On a terminal both are the streams of the process.
  const streams = { input: stdin as unknown as Readable, output: stdout as unknown as Writable, signal };
  const answered = <Answer>(answer: Answer): Exclude<Answer, symbol> => {
    if (isCancel(answer)) throw new Cancelled("cancelled");
    return answer as Exclude<Answer, symbol>;
  };
  return {
    workloads: async (names) =>
      answered(
        await multiselect<string>({
          ...streams,
          message: "Which workloads should get your files?",
          options: names.map((value) => ({ value, label: clean(value) })),
          required: true,
        }),
      ),
    container: async (workload, { containers, defaultContainer }) => {
      const chosen = answered(
        await select<string>({
          ...streams,
          message: `Which container of ${clean(workload)}?`,
          options: containers.map(({ name, image }) => ({ value: name, label: clean(name), hint: clean(image) })),
          ...(defaultContainer === undefined ? {} : { initialValue: defaultContainer }),
        }),
      );
      return chosen === defaultContainer ? undefined : chosen;
    },
    rules: async (workload, proposed) => {
      const places = answered(
        await multiselect<number>({
          ...streams,
          message: `What goes where in ${clean(workload)}?`,
          options: proposed.map(({ from, to, because }, value) => ({
            value,
            label: `${clean(from)} -> ${clean(to)}`,
            hint: clean(because),
          })),
          initialValues: proposed.map((_, place) => place),
          required: false,
        }),
      );
      const own = answered(
        await text({
          ...streams,
          message: "More rules, as FROM:TO with commas between them; empty for none",
          placeholder: "src:/app/src",
          defaultValue: "",
        }),
      );
      const more = own
        .split(",")
        .map((each) => each.trim())
        .filter((each) => each !== "");
      return [...proposed.filter((_, place) => places.includes(place)), ...rulesOfFlags(more, "written by hand")];
    },
    allowContext: async (context) =>
      answered(
        await confirm({
          ...streams,
          message: `${clean(context)} is not a known local cluster. May kinsync write to its containers?`,
          initialValue: true,
        }),
      ),
  };
}
