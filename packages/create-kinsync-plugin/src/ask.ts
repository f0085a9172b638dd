import type { Readable, Writable } from "node:stream";
import type { Flags } from "./flags.ts";
import { pluralOf, SHAPES, type PluginType } from "./spec.ts";

/** The user left a question with Ctrl-C or Escape. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** The streams of a terminal. */
export interface Terminal {
  readonly input: Readable;
  readonly output: Writable;
}

const CHOICES: readonly { readonly value: PluginType; readonly label: string; readonly hint: string }[] = [
  { value: "rules", label: "a kind as rules", hint: "YAML, no code: where to start" },
  { value: "kind", label: "a kind in TypeScript", hint: "where rules cannot express what is current" },
  { value: "transport", label: "a transport", hint: "another way to deliver files" },
];

/** Completes flags by questions about what they lack. @throws Cancelled */
export async function askMissing(flags: Flags, terminal: Terminal): Promise<Flags> {
  const { isCancel, select, text } = await import("@clack/prompts");
  const answered = <Answer>(answer: Answer): Exclude<Answer, symbol> => {
    if (isCancel(answer)) throw new Cancelled("cancelled");
    return answer as Exclude<Answer, symbol>;
  };
  const type =
    flags.type ??
    answered(await select<PluginType>({ ...terminal, message: "What do you write?", options: [...CHOICES] }));
  const values = { ...flags.values };
  const ask = async (flag: keyof typeof SHAPES, message: string, initialValue?: string): Promise<string> => {
    const { pattern, like } = SHAPES[flag];
    const answer = await text({
      ...terminal,
      message,
      placeholder: like.split(": ")[1] ?? "",
      ...(initialValue === undefined ? {} : { initialValue }),
      validate: (value) => (pattern.test(value ?? "") ? undefined : `It is ${like}.`),
    });
    return answered(answer);
  };
  if (type === "transport") {
    values.name ??= await ask("name", "Its name, as a config says it?");
  } else {
    values.kind ??= await ask("kind", "The kind of the workloads?");
    values.group ??= await ask("group", "Its API group?");
    values["api-version"] ??= await ask("api-version", "Its API version?", "v1");
    values.plural ??= await ask("plural", "Its plural?", pluralOf(values.kind));
  }
  return { ...flags, type, values };
}
