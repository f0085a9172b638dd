import { describe, expect, test } from "vitest";
import { transportConformance } from "../../../src/testing/index.ts";
import { makeFlawedWorld, type Flaw } from "./support/local-transport.ts";

describe("a transport without a flaw keeps every law", () => {
  transportConformance(() => makeFlawedWorld("none"), { test });
});

describe("a transport that breaks a law is found out", () => {
  test.each<[Flaw, RegExp]>([
    ["commits without a check", /failed stage/],
    ["follows links", /never followed/],
    ["forgets modes", /bytes and modes/],
    ["ignores who claimed", /claims last/],
    ["keeps the old modification time", /modification time/],
    ["loses the manifest", /the next one knows/],
    ["shows the stage", /invisible/],
    ["writes to any pod", /another UID/],
    ["writes in place", /whole files only/],
  ])("one that %s", async (flaw, broken) => {
    const laws = new Map<string, () => Promise<void>>();
    transportConformance(() => makeFlawedWorld(flaw), { test: (name, run) => laws.set(name, run) });
    const [law] = [...laws].filter(([name]) => broken.test(name)).map(([, run]) => run);
    await expect(law?.()).rejects.toThrow(/./);
  });
});
