// Settings of VitePress. Its pages are made by site/build.ts.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PAGES = join(import.meta.dirname, "..", ".pages");
const REPOSITORY = "https://github.com/kinsync/kinsync";

interface Item {
  readonly text: string;
  readonly link: string;
}

/** The pages of a folder, with their first headings as texts, by file name. */
function itemsOf(folder: string): readonly Item[] {
  return readdirSync(join(PAGES, folder))
    .filter((name) => name.endsWith(".md"))
    .toSorted()
    .map((name) => {
      const [, heading = name] = /^# (.+)$/m.exec(readFileSync(join(PAGES, folder, name), "utf8")) ?? [];
      return { text: heading.replaceAll("`", ""), link: `/${folder}/${name.replace(/\.md$/, "")}` };
    });
}

function sidebar(): readonly object[] {
  return [
    { text: "Guides", items: itemsOf("guides") },
    { text: "Reference", items: [...itemsOf("reference"), { text: "Packages", link: "/api/" }] },
    { text: "Benchmarks", link: "/benchmarks" },
    { text: "Decisions", collapsed: true, items: itemsOf("decisions") },
  ];
}

export default {
  title: "kinsync",
  description: "Save a file, and kinsync updates it in every container your Kubernetes workload owns, and in no other.",
  srcDir: ".pages",
  outDir: "dist",
  cacheDir: ".cache",
  cleanUrls: true,
  // A link to a page that does not exist fails the build.
  ignoreDeadLinks: false,
  markdown: {
    // The languages of examples of the agents' protocol have no colors.
    languageAlias: { "agent-fields": "txt", "agent-shell": "sh" },
  },
  vite: { build: { chunkSizeWarningLimit: 5_000 } },
  themeConfig: {
    nav: [
      { text: "First steps", link: "/guides/first-steps" },
      { text: "Config", link: "/reference/config" },
      { text: "CLI", link: "/reference/cli" },
      { text: "Packages", link: "/api/" },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: REPOSITORY }],
  },
};
