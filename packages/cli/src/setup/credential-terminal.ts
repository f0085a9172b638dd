import type { CredentialTerminal } from "@kinsync/core/cluster";
import type { Io } from "../io.ts";
import type { Reporter } from "../render/reporter.ts";
import { cleanLines } from "../render/text.ts";

/**
 * The terminal for a credential plugin that prompts: a device code, a password. While the plugin has it, nothing else is drawn.
 * `undefined` where stdin is not a terminal, as in a pipe and in CI: plugins then get `interactive: false`, as from kubectl.
 */
export function credentialTerminal(
  io: Pick<Io, "stdin" | "stderr">,
  reporter?: Pick<Reporter, "hold" | "release">,
): CredentialTerminal | undefined {
  if (io.stdin?.isTTY !== true) return undefined;
  return {
    lend: () => {
      reporter?.hold();
      return { [Symbol.dispose]: () => reporter?.release() };
    },
    onOutput: (text) => io.stderr.write(cleanLines(text)),
  };
}
