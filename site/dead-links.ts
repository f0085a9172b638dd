import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** Links of the built pages in a folder to pages and headings that do not exist: `guides/a.html: b#c`. VitePress checks no headings. */
export function deadLinks(folder: string): readonly string[] {
  const ids = new Map<string, ReadonlySet<string>>();
  const idsOf = (file: string): ReadonlySet<string> => {
    const known =
      ids.get(file) ?? new Set([...readFileSync(file, "utf8").matchAll(/ id="([^"]*)"/g)].map(([, id = ""]) => id));
    ids.set(file, known);
    return known;
  };
  return globSync("**/*.html", { cwd: folder }).flatMap((page) => {
    const html = readFileSync(join(folder, page), "utf8");
    const links = new Set([...html.matchAll(/<a\b[^>]* href="([^"]*)"/g)].map(([, link = ""]) => link));
    return [...links]
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const url = new URL(link, `https://site/${page.replaceAll("\\", "/")}`);
        const file = fileOf(resolve(folder, `.${decodeURIComponent(url.pathname)}`));
        return file === undefined || (url.hash !== "" && !idsOf(file).has(decodeURIComponent(url.hash.slice(1))));
      })
      .map((link) => `${page}: ${link}`);
  });
}

/** The file that a web server sends for a path: itself, its page, or the index of its folder. */
function fileOf(path: string): string | undefined {
  return [path, `${path}.html`, join(path, "index.html")].find((each) => existsSync(each) && statSync(each).isFile());
}
