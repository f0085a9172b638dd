import { expect, test } from "vitest";
import { checkLocalPorts } from "../../src/forward/same-port.ts";

test.each([
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "localhost", true],
  ["127.0.0.1", "0.0.0.0", true],
  ["127.0.0.1", "::", true],
  ["::1", "::", true],
  ["0.0.0.0", "::", true],
  ["127.0.0.1", "::1", false],
  ["0.0.0.0", "::1", false],
  ["127.0.0.1", "127.0.0.2", false],
])("two rules with one port on %s and %s: refused is %s", (one, other, isRefused) => {
  for (const addresses of [
    [one, other],
    [other, one],
  ]) {
    const rules = addresses.map((address, at) => ({ name: `forward[${at}]`, rule: { port: 80, address } }));
    const check = (): void => checkLocalPorts(rules, "KINSYNC_CONFIG_CONFLICT");
    expect(messageOf(check)).toBe(
      isRefused ? `forward[0] and forward[1] both open the local port 80 of ${addresses[1]}` : undefined,
    );
  }
});

function messageOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
