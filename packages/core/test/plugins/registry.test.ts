import { expect, test } from "vitest";
import { createRegistry } from "@kinsync/core/config";
import type { LoadedPlugins } from "@kinsync/core/config";
import { defineKind, defineTransport } from "@kinsync/core/contract";
import type { KindPlugin, TransportPlugin } from "@kinsync/core/contract";
import { thrown } from "../config/support/folder.ts";

const WRITES_API =
  "its `capabilities.writesApi` is not a list of { apiGroups, resources, verbs: [patch] } without wildcards";

function kind(name: string, plural = `${name}s`, version = "v1"): KindPlugin {
  return defineKind({
    name,
    root: { group: "acme.dev", version, kind: name, plural },
    watches: () => ({ watches: [] }),
    judge: () => ({ pod: () => ({ state: "current", reason: { code: "x", message: "x" } }) }),
  });
}

function transport(name: string): TransportPlugin {
  return defineTransport({ name, open: () => Promise.reject(new Error("not opened in this test")) });
}

function loaded(kinds: readonly KindPlugin[], transports: readonly TransportPlugin[] = []): LoadedPlugins {
  return {
    kinds: kinds.map((plugin, index) => ({ plugin, origin: `${plugin.name} (kinds[${index}] in c.yaml)` })),
    transports: transports.map((plugin, index) => ({
      plugin,
      origin: `${plugin.name} (transports[${index}] in c.yaml)`,
    })),
  };
}

const builtIn = { kinds: [kind("jobset"), kind("deployment")], transports: [transport("exec")] };

test("without a config the built-in ones are there", () => {
  const registry = createRegistry({ builtIn });
  expect(registry.kinds.map(({ name }) => name)).toEqual(["jobset", "deployment"]);
  expect(registry.notes).toEqual([]);
});

test("a kind of the config replaces the built-in one of the same root, in whatever version, and that is noted", () => {
  const mine = kind("my-jobset", "jobsets", "v2");
  const registry = createRegistry({ builtIn, configured: loaded([mine]) });
  expect(registry.kinds.map(({ name }) => name)).toEqual(["my-jobset", "deployment"]);
  expect(registry.notes).toEqual(["my-jobset (kinds[0] in c.yaml) replaces the built-in kind jobset"]);
});

test("a transport of the config replaces the built-in one of the same name, and that is noted", () => {
  const mine = transport("exec");
  const registry = createRegistry({ builtIn, configured: loaded([], [mine]) });
  expect(registry.transports).toEqual([mine]);
  expect(registry.notes).toEqual(["exec (transports[0] in c.yaml) replaces the built-in transport exec"]);
});

test("two kinds of the config for one root are refused", () => {
  const error = thrown(() =>
    createRegistry({ builtIn, configured: loaded([kind("a", "fleets"), kind("b", "fleets", "v2")]) }),
  );
  expect(error).toMatchObject({
    code: "KINSYNC_PLUGIN_DUPLICATE",
    message: "a (kinds[0] in c.yaml) and b (kinds[1] in c.yaml) both have the root fleets.acme.dev",
  });
});

test("two plugins of one name are refused, also where one is built in", () => {
  const error = thrown(() => createRegistry({ builtIn, configured: loaded([kind("jobset", "fleets")]) }));
  expect(error).toMatchObject({
    code: "KINSYNC_PLUGIN_DUPLICATE",
    message: "jobset (kinds[0] in c.yaml) and jobset (built in) both are named jobset",
  });
  const two = thrown(() => createRegistry({ builtIn, configured: loaded([], [transport("x"), transport("x")]) }));
  expect(two.code).toBe("KINSYNC_PLUGIN_DUPLICATE");
});

test.each([
  [{ permission: [] }, "it has an unknown field `permission`; did you mean `permissions`?"],
  [{ capabilities: { folder: true } }, "it has an unknown field `capabilities.folder`; did you mean `folders`?"],
  [{ capabilities: true }, "its `capabilities` is not an object"],
  [{ capabilities: { writesApi: [{ apiGroups: ["apps"], resources: ["*"], verbs: ["patch"] }] } }, WRITES_API],
  [{ capabilities: { writesApi: [{ apiGroups: [""], resources: ["pods"], verbs: ["delete"] }] } }, WRITES_API],
  [{ capabilities: { writesApi: [{ apiGroups: [""], resources: ["pods/status"], verbs: ["patch"] }] } }, WRITES_API],
  [{ capabilities: { names: "[a-z]+" } }, "its `capabilities.names` is not a regular expression"],
])("a transport with the misspelled field %j is refused with the nearest name", (fields, why) => {
  const misspelled = { ...transport("radio"), ...fields } as never;
  expect(() => createRegistry({ builtIn: { kinds: [], transports: [misspelled] } })).toThrow(why);
});
