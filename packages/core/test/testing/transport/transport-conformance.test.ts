import { afterEach, expect, test, vi } from "vitest";
import { transportConformance, type ConformanceTest, type TransportEnvironment } from "../../../src/testing/index.ts";
import { DELIVERY_FAULTS } from "./support/delivery-faults.ts";
import type { PlantedFault } from "./support/fault-parts.ts";
import { FILE_FAULTS } from "./support/file-faults.ts";
import { makeLocalEnvironment, type Fault } from "./support/local-environment.ts";
import { PLACE_FAULTS } from "./support/place-faults.ts";
import { PULL_FAULTS } from "./support/pull-faults.ts";
import { SESSION_FAULTS } from "./support/session-faults.ts";

/** By requirement of the kit. */
const FAULTS: Readonly<Record<string, PlantedFault>> = {
  ...FILE_FAULTS,
  ...DELIVERY_FAULTS,
  ...SESSION_FAULTS,
  ...PLACE_FAULTS,
  ...PULL_FAULTS,
};

afterEach(() => {
  vi.useRealTimers();
});

type Check = (context: ConformanceTest) => Promise<void>;

/** The checks of the kit by requirement, for a transport with this fault. */
function checksOf(fault: Fault, change: Partial<TransportEnvironment> = {}): ReadonlyMap<string, Check> {
  const checks = new Map<string, Check>();
  transportConformance(async () => ({ ...(await makeLocalEnvironment(fault)), ...change }), {
    test: (name, run) => checks.set(name, run),
  });
  return checks;
}

/** `met`, `skipped: REASON`, or the error of the kit. */
async function resultOf(check: Check | undefined): Promise<string> {
  let result = "met";
  try {
    await check?.({ skip: (reason) => (result = `skipped: ${reason}`) });
  } catch (error) {
    return `not met: ${String(error)}`;
  }
  return result;
}

const requirements = [...checksOf({}).keys()];

test("every fault is planted for a requirement of the kit", () => {
  expect(Object.keys(FAULTS).filter((name) => !requirements.includes(name))).toEqual([]);
});

test.each(requirements)("the kit finds a transport that breaks: %s", async (name) => {
  const planted = FAULTS[name];
  if (planted === undefined)
    throw new Error("No fault is planted: add a transport that breaks it to support/*-faults.ts");
  expect(await resultOf(checksOf(planted.sound ?? {}).get(name))).toBe("met");
  expect(await resultOf(checksOf(planted).get(name)), planted.fault).toMatch(/^not met: /);
});

test("a call that never settles is a requirement that is not met", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const hanging: Fault = { session: () => ({ claim: () => new Promise<never>(() => {}) }) };
  const result = resultOf(checksOf(hanging).get("files arrive with their bytes"));
  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), { interval: 5 });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await result).toContain("did not settle within 20 s");
});

test("requirements of capabilities that are not claimed, and of what the environment cannot do, are skipped with the reason", async () => {
  const links = checksOf({ capabilities: { links: false } }).get("links arrive with their targets");
  expect(await resultOf(links)).toBe("skipped: not claimed by the transport: links");
  const withoutRestart = { restart: undefined } as unknown as Partial<TransportEnvironment>;
  const restart = checksOf({}, withoutRestart).get("a restart of the container ends the session");
  expect(await resultOf(restart)).toBe("skipped: missing in the test environment: restart");
});
