import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LOGIN_CASES } from "./support/logins/all-cases.ts";
import type { LoginCase } from "./support/logins/login-case.ts";
import { kinsync } from "./support/logins/kinsync.ts";
import { comparable, observe, type Observations } from "./support/logins/observe.ts";

/** What a real kubectl did, by case: `npm run record:logins` writes it. */
const { answers } = JSON.parse(readFileSync(new URL("fixtures/kubectl-answers.json", import.meta.url), "utf8")) as {
  readonly answers: Readonly<Record<string, Observations>>;
};

const ANONYMOUS =
  "kubectl prompts for a user and a password; kinsync sends the request, which the server may answer with 401";

const KUBERC = "kubectl reads credentialPluginPolicy from 1.35 on, and the answers are of 1.34";

/** Where kinsync does something else than kubectl, and why. One that no longer differs fails its test. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "no credentials": ANONYMOUS,
  "password without a user": ANONYMOUS,
  "context without a user": ANONYMOUS,
  "plugin policy DenyAll": KUBERC,
  "plugin policy Allowlist without the plugin": KUBERC,
};

test("every case has an answer of kubectl, and every answer and difference a case", () => {
  const names = LOGIN_CASES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(Object.keys(answers).toSorted()).toEqual(names.toSorted());
  expect(names).toEqual(expect.arrayContaining(Object.keys(DIFFERENCES)));
});

describe.for(["get", "exec"] as const)("a login for %s", (way) => {
  const differs = ({ name }: LoginCase): boolean => name in DIFFERENCES;
  const both = async (login: LoginCase): Promise<readonly [own: object, theirs: object]> => [
    comparable(await observe(way, login, kinsync)),
    comparable(answers[login.name]?.[way] ?? {}),
  ];

  test.concurrent.for(LOGIN_CASES.filter((login) => !differs(login)))("as kubectl: $name", async (login) => {
    const [own, theirs] = await both(login);
    expect(own).toEqual(theirs);
  });

  test.concurrent.for(LOGIN_CASES.filter(differs))("other than kubectl, for a reason: $name", async (login) => {
    const [own, theirs] = await both(login);
    expect(own).not.toEqual(theirs);
  });
});
