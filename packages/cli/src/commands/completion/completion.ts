import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { captured } from "./captured.ts";

export type Shell = "bash" | "zsh" | "fish" | "powershell";

/** Prints the script that teaches a shell to complete command lines of kinsync. The script calls `kinsync complete`. */
export async function runCompletion(shell: Shell, io: Io): Promise<number> {
  const { script } = await import("@bomb.sh/tab");
  io.stdout.write(captured(() => script(shell, "kinsync", "kinsync")));
  return EXIT.done;
}
