// Builds the web site: the pages of docs/ with README.md as the first one, and the reference of the packages by TypeDoc. A link that
// leads nowhere fails the build. Result: site/dist.
import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { deadLinks } from "./dead-links.ts";

const SITE = import.meta.dirname;
const ROOT = resolve(SITE, "..");
const DOCS = join(ROOT, "docs");
const PAGES = join(SITE, ".pages");
const BLOB = "https://github.com/kinsync/kinsync/blob/main";

/** Links to pages of the site stay relative; links to other files of the repository lead to GitHub. */
function withSiteLinks(text: string, source: string, page: string): string {
  return text.replaceAll(
    /(\]\()(?!https?:|#)([^)#]*)((?:#[^)]*)?\))/g,
    (_link, start: string, path: string, end: string) => {
      const target = resolve(dirname(source), path);
      if (!target.startsWith(`${DOCS}/`) || !/\.(?:md|svg|png)$/.test(target)) {
        return `${start}${BLOB}/${relative(ROOT, target)}${end}`;
      }
      const there = join(PAGES, relative(DOCS, target));
      const toPage = relative(dirname(page), there);
      return `${start}${toPage.startsWith(".") ? toPage : `./${toPage}`}${end}`;
    },
  );
}

function stage(source: string, page: string): void {
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, withSiteLinks(readFileSync(source, "utf8"), source, page));
}

/** TypeDoc's plugin counts some headings that it does not write: its links `#name-1` are to the only heading `name` then. */
function withExistingAnchors(text: string): string {
  const headings = new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading.toLowerCase()));
  const repeated = new Set<string>();
  for (const [, heading = ""] of text.matchAll(/^#+ (.+)$/gm)) {
    const lower = heading.toLowerCase();
    if (!headings.delete(lower)) repeated.add(lower);
  }
  return text.replaceAll(/\(#(\w+)-1\)/g, (link, name: string) => (repeated.has(name) ? link : `(#${name})`));
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(join(SITE, "node_modules", ".bin", program), args, { cwd: SITE, stdio: "inherit" });
}

for (const folder of [PAGES, join(SITE, "dist")]) rmSync(folder, { recursive: true, force: true });
for (const name of globSync("**/*.md", { cwd: DOCS })) stage(join(DOCS, name), join(PAGES, name));
cpSync(join(DOCS, "images"), join(PAGES, "images"), { recursive: true });
stage(join(ROOT, "README.md"), join(PAGES, "index.md"));
run("typedoc", "--logLevel", "Warn", "--treatWarningsAsErrors");
for (const name of globSync("api/**/*.md", { cwd: PAGES })) {
  const page = join(PAGES, name);
  writeFileSync(page, withExistingAnchors(readFileSync(page, "utf8")));
}
run("vitepress", "build");
const dead = deadLinks(join(SITE, "dist"));
if (dead.length > 0) throw new Error(`links of the site that lead nowhere:\n${dead.join("\n")}`);
