import { globSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { deadLinks } from "../site/dead-links.ts";

const ROOT = resolve(import.meta.dirname, "..");

const REGISTRY = "https://registry.npmjs.org/";
const LICENSES =
  /\b(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|MPL-2\.0|(?:Python|PSF)-2\.0|Unlicense)\b/;

function json(path: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}

test("the site has the reference of every entry of every package", () => {
  const { entryPoints } = json("site/typedoc.json") as { readonly entryPoints: readonly string[] };
  const documented = globSync([...entryPoints], { cwd: join(ROOT, "site") }).map((path) => path.replace(/^\.\.\//, ""));
  const published = globSync("packages/*/package.json", { cwd: ROOT }).flatMap((path) => {
    const { exports } = json(path) as { readonly exports: Readonly<Record<string, unknown>> };
    return Object.values(exports).flatMap((entry) => {
      const source = (entry as { readonly "kinsync:source"?: string })["kinsync:source"];
      return source === undefined ? [] : [join(path, "..", source)];
    });
  });
  expect(documented.toSorted()).toEqual(published.toSorted());
});

test.each(["package-lock.json", "site/package-lock.json"])(
  "%s takes packages from the npm registry only, under licenses that allow their use",
  (path) => {
    const { packages } = json(path) as {
      readonly packages: Readonly<
        Record<string, { readonly resolved?: string; readonly license?: string; readonly link?: true }>
      >;
    };
    const found = Object.entries(packages).filter(
      ([name, { link }]) => name.includes("node_modules/") && link !== true,
    );
    // npm leaves the address out where it is that of the registry in use.
    const foreign = found.filter(([, { resolved = REGISTRY }]) => !resolved.startsWith(REGISTRY));
    expect(foreign).toEqual([]);
    const others = found.flatMap(([name, { license = "none" }]) =>
      LICENSES.test(license) ? [] : [`${name}: ${license}`],
    );
    expect(others).toEqual([]);
  },
);

test("links to pages and headings that do not exist are dead, others are not", () => {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-site-"));
  try {
    mkdirSync(join(folder, "guides"));
    writeFileSync(
      join(folder, "index.html"),
      '<h1 id="top">a</h1><a href="/guides/a">a</a><a href="https://kinsync.dev/x">b</a>',
    );
    writeFileSync(
      join(folder, "guides/a.html"),
      '<a class="x" href="../#top">1</a><a href="../#gone">2</a><a href="./b">3</a><a href="a#none">4</a><a href="/">5</a>',
    );
    expect(deadLinks(folder)).toEqual(["guides/a.html: ../#gone", "guides/a.html: ./b", "guides/a.html: a#none"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
