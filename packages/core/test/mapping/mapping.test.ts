import fc from "fast-check";
import { expect, test } from "vitest";
import { overriddenPaths } from "../../src/mapping/overridden-paths.ts";
import { containerPath, type ContainerPath } from "../../src/mapping/container-path.ts";
import { isAtOrBelow } from "../../src/mapping/tree.ts";

function mapping(to: string, from = "/home/ada/config.yaml", id = to): Parameters<typeof containerPath>[0] {
  return { id, from, to, toIsFolder: to.endsWith("/") };
}

test("a file is placed as cp places it", () => {
  const place = (to: string): string => containerPath(mapping(to), true).full;
  expect(place("/etc/app/settings.yaml")).toBe("/etc/app/settings.yaml");
  expect(place("/etc/app/")).toBe("/etc/app/config.yaml");
  expect(place("/etc//app/./x/../y")).toBe("/etc/app/y");
  expect(place("/")).toBe("/config.yaml");
  expect(place(".")).toBe("config.yaml");
  expect(place("..")).toBe("../config.yaml");
  expect(place("conf/app.yaml")).toBe("conf/app.yaml");
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

test("a more specific mapping wins its subtree, and a file its one path", () => {
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

test("the root folder and the working directory hold what is in them", () => {
  const root = containerPath(mapping("/", "/l/all"), false);
  const home = containerPath(mapping(".", "/l/home"), false);
  const src = containerPath(mapping("src", "/l/src"), false);
  const app = containerPath(mapping("/app/src", "/l/app"), false);
  expect(overriddenPaths(root, [app])).toEqual(["app/src"]);
  expect(overriddenPaths(home, [src, app])).toEqual(["src"]);
  expect(overriddenPaths(home, [app], "/app")).toEqual(["src"]);
  expect(overriddenPaths(root, [src], "/app")).toEqual(["app/src"]);
});

test("of two mappings with one path the smaller id wins, and only its own path", () => {
  const folder = containerPath(mapping("/app/x", "/l/x", "b"), false);
  const file = containerPath(mapping("/app/x", "/l/x.txt", "a"), true);
  expect(overriddenPaths(folder, [file])).toEqual([""]);
  expect(overriddenPaths(file, [folder])).toEqual([]);
});

test("every path in a container has exactly one winner, whatever the order of the mappings", () => {
  const names = fc.constantFrom("a", "b", "a-b");
  const path = fc.array(names, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
  const places = fc
    .array(fc.tuple(path, fc.boolean()), { minLength: 1, maxLength: 6 })
    .map((all) =>
      all.map(([to, isFile], index) => containerPath(mapping(to, `/l/${index}`, `sync[${index}]`), isFile)),
    );
  fc.assert(
    fc.property(places, path, (all, asked) => {
      const claims = (place: ContainerPath, others: readonly ContainerPath[]): boolean => {
        const inside = isAtOrBelow(asked, new Set([place.full])) || place.full === "/";
        if (!inside || (place.shape === "file" && asked !== place.full)) return false;
        const relative = asked.slice(place.path === "/" ? 1 : place.path.length + 1);
        return !isAtOrBelow(relative, new Set(overriddenPaths(place, others)));
      };
      const winners = all.filter((place) => claims(place, all));
      const covered = all.some(
        (place) =>
          asked === place.full ||
          (place.shape === "directory" && (place.full === "/" || asked.startsWith(`${place.full}/`))),
      );
      // Below a mapped file there is nothing, so nobody wins a path there from the folder around.
      const isBelowFile = all.some((place) => place.shape === "file" && asked.startsWith(`${place.full}/`));
      expect(winners.length).toBeOneOf(isBelowFile ? [0, 1] : [covered ? 1 : 0]);
      expect(all.toReversed().filter((place) => claims(place, all.toReversed()))).toEqual(winners.toReversed());
    }),
    { numRuns: 500 },
  );
});
