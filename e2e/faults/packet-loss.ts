import { run } from "../harness/command.ts";
import type { Stage } from "../harness/fixture.ts";

/**
 * Loses every packet of the connections that node programs have to the API server of this node now, both ways; nobody is told,
 * and new connections are not concerned. Needs root, on the node.
 * @returns what lets packets pass again; it is done at the situation's end in any case
 */
export async function losePackets(stage: Stage): Promise<() => Promise<void>> {
  const established = await run(["ss", "-Htnp", "state", "established", "dport", "=", ":6443"]);
  const ports = established
    .split("\n")
    .filter((line) => /users:\(\("(?:node|MainThread)"/.test(line))
    .map((line) => /:(\d+)\s+\S+:6443\b/.exec(line)?.[1] ?? "");
  if (ports.length === 0) throw new Error(`kinsync has no connection to the API server:\n${established}`);
  const rules = ports.flatMap((port) =>
    ["--sport", "--dport"].map((side) => ["INPUT", "-i", "lo", "-p", "tcp", side, port, "-j", "DROP"]),
  );
  let isOver = false;
  const pass = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    for (const rule of rules) await run(["iptables", "-w", "-D", ...rule]);
  };
  for (const rule of rules) await run(["iptables", "-w", "-I", ...rule]);
  stage.atEnd(pass);
  return pass;
}
