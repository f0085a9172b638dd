import { expect, test } from "vitest";
import { defineKind, type KindPlugin, type RootType } from "@kinsync/core/contract";
import { loadedKind, loadKind } from "../../src/plugins/host.ts";
import { lazyKind } from "../../src/plugins/host-lazy-kind.ts";

const TEAMS: RootType = { group: "example.com", version: "v1", kind: "Team", plural: "teams", shortNames: ["tm"] };

function teamKind(root: RootType = TEAMS): KindPlugin {
  return defineKind({
    name: "team",
    root,
    watches: () => ({ watches: [] }),
    judge: () => ({ pod: () => ({ state: "current", reason: { code: "x", message: "x" } }) }),
  });
}

test("a lazy kind imports its code once, for all callers", async () => {
  let imports = 0;
  const kind = teamKind();
  const lazy = lazyKind({
    name: "team",
    root: { ...TEAMS },
    load: () => {
      imports += 1;
      return Promise.resolve(kind);
    },
  });
  expect(loadedKind(lazy)).toBeUndefined();
  expect(await Promise.all([loadKind(lazy), lazy.load()])).toEqual([kind, kind]);
  expect(loadedKind(lazy)).toBe(kind);
  expect(imports).toBe(1);
});

test("a kind that is there needs no import", async () => {
  const kind = teamKind();
  expect(loadedKind(kind)).toBe(kind);
  expect(await loadKind(kind)).toBe(kind);
});

test("a package with another root or name is refused", async () => {
  const other = lazyKind({ name: "team", root: { ...TEAMS, version: "v2" }, load: () => Promise.resolve(teamKind()) });
  await expect(other.load()).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_SHAPE",
    message: expect.stringContaining("has another name or root") as string,
    plugin: "team",
  });
  expect(loadedKind(other)).toBeUndefined();
  const renamed = lazyKind({ name: "squad", root: TEAMS, load: () => Promise.resolve(teamKind()) });
  await expect(renamed.load()).rejects.toMatchObject({ code: "KINSYNC_PLUGIN_SHAPE" });
});

test("a package that is not installed is an error with the name of the kind", async () => {
  const lost = lazyKind({ name: "team", root: TEAMS, load: () => Promise.reject(new Error("Cannot find package")) });
  await expect(lost.load()).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    message: "plugin team failed in load: Cannot find package",
    plugin: "team",
  });
});
