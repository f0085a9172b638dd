import type { ForwardRule } from "@kinsync/core";
import { KinsyncError } from "@kinsync/core/contract";

const MAX_PORT = 65_535;

/**
 * `8265`, `9000:8265`, `:8265` (a local port that is free), as kubectl writes them.
 * @throws `KINSYNC_USAGE` for anything else
 */
export function parsePorts(text: string): Pick<ForwardRule, "port" | "localPort"> {
  const [, local, remote = ""] = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(remote);
  const localPort = local === undefined ? port : Number(local);
  if (port >= 1 && port <= MAX_PORT && localPort <= MAX_PORT) return { port, localPort };
  throw new KinsyncError("KINSYNC_USAGE", `${JSON.stringify(text)} is not a port`, {
    hint: "Write PORT, LOCAL:PORT or :PORT, with numbers from 1 to 65535: 8265, 9000:8265.",
  });
}
