import { KinsyncError } from "../errors/error.ts";
import type { ErrorCode } from "../errors/codes.ts";
import { LOOPBACK, type ForwardRule } from "./forward-rule.ts";

/** A rule, and how messages name it: `forward[0] of deploy/web`. */
export interface NamedRule {
  readonly name: string;
  readonly rule: Pick<ForwardRule, "port" | "localPort" | "address">;
}

/** It stands for all addresses of the machine; `0.0.0.0` for those of IPv4. */
const ALL = "::";
const ALL_IPV4 = "0.0.0.0";

/**
 * Refuses two rules that open one local port: only the first of them could.
 * @throws an error with `code`
 */
export function checkLocalPorts(rules: readonly NamedRule[], code: ErrorCode): void {
  for (const [at, one] of rules.entries()) {
    const other = rules.slice(0, at).find((before) => opensSame(before.rule, one.rule));
    if (other === undefined) continue;
    const { localPort = one.rule.port, address = LOOPBACK } = one.rule;
    throw new KinsyncError(code, `${other.name} and ${one.name} both open the local port ${localPort} of ${address}`, {
      hint: "Give one of them another local port: `localPort` in the config, `LOCAL:PORT` on the command line.",
      details: { port: localPort, address },
    });
  }
}

function opensSame(a: NamedRule["rule"], b: NamedRule["rule"]): boolean {
  const { localPort: aPort = a.port, address: aAddress = LOOPBACK } = a;
  const { localPort: bPort = b.port, address: bAddress = LOOPBACK } = b;
  // 0 is another free port each time.
  if (aPort !== bPort || aPort === 0) return false;
  const [first, second] = [numeric(aAddress), numeric(bAddress)];
  if (first === ALL || second === ALL || first === second) return true;
  return (first === ALL_IPV4 && !second.includes(":")) || (second === ALL_IPV4 && !first.includes(":"));
}

function numeric(address: string): string {
  return address === "localhost" ? LOOPBACK : address;
}
