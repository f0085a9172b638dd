import fc from "fast-check";
import { expect, test } from "vitest";
import { shadowsOf, targetPath, type TargetPath } from "../../src/watch/mapping.ts";
import { isAtOrBelow } from "../../src/watch/tree.ts";

function mapping(to: string, from = "/home/ada/config.yaml", id = to): Parameters<typeof targetPath>[0] {
  return { id, from, to, toIsFolder: to.endsWith("/") };
}

test("a file is placed as cp places it", () => {
  const place = (to: string): string => targetPath(mapping(to), true).full;
  expect(place("/etc/app/settings.yaml")).toBe("/etc/app/settings.yaml");
  expect(place("/etc/app/")).toBe("/etc/app/config.yaml");
  expect(place("/etc//app/./x/../y")).toBe("/etc/app/y");
  expect(place("/")).toBe("/config.yaml");
  expect(place(".")).toBe("config.yaml");
  expect(place("..")).toBe("../config.yaml");
  expect(place("conf/app.yaml")).toBe("conf/app.yaml");
});

test("a file's root is its parent folder, and its name is the entry", () => {
  expect(targetPath(mapping("/etc/app/settings.yaml"), true)).toMatchObject({
    path: "/etc/app",
    shape: "file",
    fileName: "settings.yaml",
  });
  expect(targetPath(mapping("app.yaml"), true)).toMatchObject({ path: ".", fileName: "app.yaml" });
});

test("a folder's content goes to the path itself, with or without a slash at the end", () => {
  expect(targetPath(mapping("/app/src/"), false)).toMatchObject({
    path: "/app/src",
    full: "/app/src",
    shape: "directory",
  });
  expect(targetPath(mapping("/app/src/"), false).key).toBe(targetPath(mapping("/app/src"), false).key);
});

test("keys are safe as file names, and different for different paths", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
      const left = targetPath(mapping(`/${a}`), false);
      const right = targetPath(mapping(`/${b}`), false);
      expect(left.key).toMatch(/^[A-Za-z0-9_-]{1,49}$/);
      expect(left.key === right.key).toBe(left.full === right.full);
    }),
  );
});

test("a more specific mapping wins its subtree, and a file its one path", () => {
  const src = targetPath(mapping("/app/src", "/l/src"), false);
  const gen = targetPath(mapping("/app/src/gen", "/l/gen"), false);
  const deep = targetPath(mapping("/app/src/gen/deep", "/l/deep"), false);
  const config = targetPath(mapping("/app/src/config.yaml"), true);
  const beside = targetPath(mapping("/app/src-gen", "/l/x"), false);
  const all = [src, gen, deep, config, beside];
  expect(shadowsOf(src, all)).toEqual(["config.yaml", "gen"]);
  expect(shadowsOf(gen, all)).toEqual(["deep"]);
  expect(shadowsOf(config, all)).toEqual([]);
  expect(shadowsOf(beside, all)).toEqual([]);
});

test("the root folder and the working directory hold what is in them", () => {
  const root = targetPath(mapping("/", "/l/all"), false);
  const home = targetPath(mapping(".", "/l/home"), false);
  const src = targetPath(mapping("src", "/l/src"), false);
  const app = targetPath(mapping("/app/src", "/l/app"), false);
  expect(shadowsOf(root, [app])).toEqual(["app/src"]);
  expect(shadowsOf(home, [src, app])).toEqual(["src"]);
  expect(shadowsOf(home, [app], "/app")).toEqual(["src"]);
  expect(shadowsOf(root, [src], "/app")).toEqual(["app/src"]);
});

test("of two mappings with one path the smaller id wins, and only its own path", () => {
  const folder = targetPath(mapping("/app/x", "/l/x", "b"), false);
  const file = targetPath(mapping("/app/x", "/l/x.txt", "a"), true);
  expect(shadowsOf(folder, [file])).toEqual([""]);
  expect(shadowsOf(file, [folder])).toEqual([]);
});

test("every path in a container has exactly one winner, whatever the order of the mappings", () => {
  const names = fc.constantFrom("a", "b", "a-b");
  const path = fc.array(names, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
  const places = fc
    .array(fc.tuple(path, fc.boolean()), { minLength: 1, maxLength: 6 })
    .map((all) => all.map(([to, isFile], index) => targetPath(mapping(to, `/l/${index}`, `sync[${index}]`), isFile)));
  fc.assert(
    fc.property(places, path, (all, asked) => {
      const claims = (place: TargetPath, others: readonly TargetPath[]): boolean => {
        const inside = isAtOrBelow(asked, new Set([place.full])) || place.full === "/";
        if (!inside || (place.shape === "file" && asked !== place.full)) return false;
        const relative = asked.slice(place.path === "/" ? 1 : place.path.length + 1);
        return !isAtOrBelow(relative, new Set(shadowsOf(place, others)));
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
