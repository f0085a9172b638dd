import fc from "fast-check";
import { expect, test } from "vitest";
import { overriddenPaths } from "../../src/mapping/overridden-paths.ts";
import { containerPath, type ContainerPath } from "../../src/mapping/container-path.ts";
import { isAtOrBelow } from "../../src/mapping/tree.ts";

function mapping(to: string, from = "/home/ada/config.yaml", id = to): Parameters<typeof containerPath>[0] {
  return { id, from, to, toIsFolder: to.endsWith("/") };
}

test("a file goes where cp would copy it", () => {
  const fullPath = (to: string): string => containerPath(mapping(to), true).full;
  expect(fullPath("/etc/app/settings.yaml")).toBe("/etc/app/settings.yaml");
  expect(fullPath("/etc/app/")).toBe("/etc/app/config.yaml");
  expect(fullPath("/etc//app/./x/../y")).toBe("/etc/app/y");
  expect(fullPath("/")).toBe("/config.yaml");
  expect(fullPath(".")).toBe("config.yaml");
  expect(fullPath("..")).toBe("../config.yaml");
  expect(fullPath("conf/app.yaml")).toBe("conf/app.yaml");
});

test("a file's root is its parent folder, and its name is the entry", () => {
  expect(containerPath(mapping("/etc/app/settings.yaml"), true)).toMatchObject({
    path: "/etc/app",
    shape: "file",
    fileName: "settings.yaml",
  });
  expect(containerPath(mapping("app.yaml"), true)).toMatchObject({ path: ".", fileName: "app.yaml" });
});

test("a folder's content goes to the path itself, with or without a slash at the end", () => {
  expect(containerPath(mapping("/app/src/"), false)).toMatchObject({
    path: "/app/src",
    full: "/app/src",
    shape: "directory",
  });
  expect(containerPath(mapping("/app/src/"), false).key).toBe(containerPath(mapping("/app/src"), false).key);
});

test("keys are safe as file names, and different for different paths", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
      const left = containerPath(mapping(`/${a}`), false);
      const right = containerPath(mapping(`/${b}`), false);
      expect(left.key).toMatch(/^[A-Za-z0-9_-]{1,49}$/);
      expect(left.key === right.key).toBe(left.full === right.full);
    }),
  );
});

test("a more specific mapping overrides its subtree, and a file its path", () => {
  const src = containerPath(mapping("/app/src", "/l/src"), false);
  const gen = containerPath(mapping("/app/src/gen", "/l/gen"), false);
  const deep = containerPath(mapping("/app/src/gen/deep", "/l/deep"), false);
  const config = containerPath(mapping("/app/src/config.yaml"), true);
  const beside = containerPath(mapping("/app/src-gen", "/l/x"), false);
  const all = [src, gen, deep, config, beside];
  expect(overriddenPaths(src, all)).toEqual(["config.yaml", "gen"]);
  expect(overriddenPaths(gen, all)).toEqual(["deep"]);
  expect(overriddenPaths(config, all)).toEqual([]);
  expect(overriddenPaths(beside, all)).toEqual([]);
});

test("the root folder and the working directory contain their mappings", () => {
  const root = containerPath(mapping("/", "/l/all"), false);
  const home = containerPath(mapping(".", "/l/home"), false);
  const src = containerPath(mapping("src", "/l/src"), false);
  const app = containerPath(mapping("/app/src", "/l/app"), false);
  expect(overriddenPaths(root, [app])).toEqual(["app/src"]);
  expect(overriddenPaths(home, [src, app])).toEqual(["src"]);
  expect(overriddenPaths(home, [app], "/app")).toEqual(["src"]);
  expect(overriddenPaths(root, [src], "/app")).toEqual(["app/src"]);
});

test("of two mappings with one path the smaller id wins that path only", () => {
  const folder = containerPath(mapping("/app/x", "/l/x", "b"), false);
  const file = containerPath(mapping("/app/x", "/l/x.txt", "a"), true);
  expect(overriddenPaths(folder, [file])).toEqual([""]);
  expect(overriddenPaths(file, [folder])).toEqual([]);
});

test("every path in a container belongs to exactly one mapping, in any order of the mappings", () => {
  const names = fc.constantFrom("a", "b", "a-b");
  const path = fc.array(names, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
  const paths = fc
    .array(fc.tuple(path, fc.boolean()), { minLength: 1, maxLength: 6 })
    .map((all) =>
      all.map(([to, isFile], index) => containerPath(mapping(to, `/l/${index}`, `sync[${index}]`), isFile)),
    );
  fc.assert(
    fc.property(paths, path, (all, tested) => {
      const owns = (one: ContainerPath, others: readonly ContainerPath[]): boolean => {
        const inside = isAtOrBelow(tested, new Set([one.full])) || one.full === "/";
        if (!inside || (one.shape === "file" && tested !== one.full)) return false;
        const relative = tested.slice(one.path === "/" ? 1 : one.path.length + 1);
        return !isAtOrBelow(relative, new Set(overriddenPaths(one, others)));
      };
      const owners = all.filter((one) => owns(one, all));
      const covered = all.some(
        (one) =>
          tested === one.full || (one.shape === "directory" && (one.full === "/" || tested.startsWith(`${one.full}/`))),
      );
      // A mapped file has no paths below it, and the folder around does not get them.
      const isBelowFile = all.some((one) => one.shape === "file" && tested.startsWith(`${one.full}/`));
      expect(owners.length).toBeOneOf(isBelowFile ? [0, 1] : [covered ? 1 : 0]);
      expect(all.toReversed().filter((one) => owns(one, all.toReversed()))).toEqual(owners.toReversed());
    }),
    { numRuns: 500 },
  );
});
