import { Command } from "commander";
import { expect, test } from "vitest";
import { loginOverrides, requestTimeouts, withLogin, type LoginFlags } from "../../src/setup/login-flags.ts";

function parse(...argv: readonly string[]): LoginFlags {
  const command = withLogin(new Command("tree"))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(argv, { from: "user" }).opts<LoginFlags>();
}

test("the flags of kubectl for the login are read, and --as-group may be repeated", () => {
  const line = "--as ada --as-group dev --as-group ops --as-uid 7 --user me --cluster there".split(" ");
  expect(loginOverrides(parse(...line))).toEqual({
    as: "ada",
    asGroups: ["dev", "ops"],
    asUid: "7",
    user: "me",
    cluster: "there",
  });
  expect(Object.values(loginOverrides(parse())).filter((value) => value !== undefined)).toEqual([]);
});

test.each([
  ["30s", 30_000],
  ["2m", 120_000],
  ["0", 2 ** 31 - 1],
])("--request-timeout %s limits each part of a request to %i ms", (text, milliseconds) => {
  expect(requestTimeouts(parse("--request-timeout", text))).toEqual({
    connect: milliseconds,
    handshake: milliseconds,
    idle: milliseconds,
  });
});

test("without --request-timeout the limits are kinsync's own, and a wrong one is refused with the way to write it", () => {
  expect(requestTimeouts(parse())).toBeUndefined();
  expect(() => parse("--request-timeout", "soon")).toThrow("Write it as 30s, 2m or 0.");
});
