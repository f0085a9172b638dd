import { run } from "../harness/command.ts";
import type { Fixture } from "../harness/fixture.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";

/**
 * Drops every packet, in both directions, of the connections that kinsync has to this node's API server now. Neither side is notified;
 * new connections and other programs are not affected. Requires root on the node.
 * @returns a function that ends the loss; the end of the situation calls it in any case
 */
export async function losePackets(fixture: Fixture, { pid }: KinsyncProcess): Promise<() => Promise<void>> {
  const established = await run(["ss", "-Htnp", "state", "established", "dport", "=", ":6443"]);
  const ports = established
    .split("\n")
    .filter((line) => line.includes(`,pid=${pid},`))
    .map((line) => /:(\d+)\s+\S+:6443\b/.exec(line)?.[1] ?? "");
  if (ports.length === 0) throw new Error(`kinsync has no connection to the API server:\n${established}`);
  // Both ports: another connection may have the same number for its own end.
  const rules = ports
    .flatMap((port) => [
      ["--sport", port, "--dport", "6443"],
      ["--sport", "6443", "--dport", port],
    ])
    .map((between) => ["INPUT", "-i", "lo", "-p", "tcp", ...between, "-j", "DROP"]);
  const added: (readonly string[])[] = [];
  let isOver = false;
  const endLoss = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    for (const rule of added) await run(["iptables", "-w", "-D", ...rule]);
  };
  fixture.defer(endLoss);
  for (const rule of rules) {
    await run(["iptables", "-w", "-I", ...rule]);
    added.push(rule);
  }
  return endLoss;
}
