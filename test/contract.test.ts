import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import * as contract from "@kinsync/core/contract";
import { contractPage, declarations } from "../scripts/docs-contract.ts";

const { CONTRACT, isCompatible } = contract;

const ROOT = resolve(import.meta.dirname, "..");

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

test("CONTRACT.md names the version of the contract", () => {
  expect(/^Contract version: \*\*(.+)\*\*$/m.exec(read("CONTRACT.md"))?.[1]).toBe(CONTRACT);
});

test("the table in CONTRACT.md agrees with the host about which plugin loads", () => {
  const rows = [
    ...read("CONTRACT.md").matchAll(/^\| ([\dx.]+) +\| ([\dy.x]+) +\| (loads|`KINSYNC_PLUGIN_CONTRACT`)/gm),
  ];
  expect(rows.length).toBeGreaterThanOrEqual(5);
  for (const [row, plugin = "", host = "", result] of rows) {
    const offered = plugin.includes(".") ? plugin.replace("x", "0") : Number(plugin);
    expect(isCompatible(offered, host.replace(/[xy]/, "0")), row).toBe(result === "loads");
  }
});

test("the reference of the contract is made from the docstrings as they are: run npm run docs:contract", () => {
  expect(read("docs/reference/contract.md")).toBe(contractPage());
});

test("the reference has everything that the contract exports, with every field", () => {
  const page = read("docs/reference/contract.md");
  const all = declarations();
  const names = new Set(all.map(({ name }) => name));
  // What exists at run time, found without the parser of the generator.
  for (const name of Object.keys(contract)) expect(names, name).toContain(name);
  const index = read("packages/core/src/contract/index.ts").replaceAll(/\/\/.*$/gm, "");
  const exported = [...index.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list.split(",").map((each) => each.trim()),
  );
  expect([...names].toSorted()).toEqual(exported.filter((name) => name !== "").toSorted());
  for (const { name, fields = [] } of all) {
    const section = page.split(`### ${name}\n`)[1]?.split(/^###? /m)[0] ?? "";
    expect(section, name).not.toBe("");
    for (const field of fields) expect(section, `${name}.${field.name}`).toContain(field.text);
  }
  expect(all.flatMap(({ fields = [] }) => fields).length).toBeGreaterThan(300);
});

test("everything in the contract has a docstring; fields of Kubernetes keep their names, and need none", () => {
  const isOfKubernetes = (file: string): boolean => /\/(?:resource|client-node)\.ts$/.test(file);
  const without = declarations().flatMap(({ name, file, doc, fields = [] }) => [
    ...(doc === "" ? [name] : []),
    ...(isOfKubernetes(file)
      ? []
      : fields
          .filter((field) => field.doc === "" && field.name !== "constructor")
          .map((field) => `${name}.${field.name}`)),
  ]);
  expect(without).toEqual([]);
});

test.each(["ARCHITECTURE.md", "docs/guides/write-a-kind.md", "docs/guides/write-a-transport.md"])(
  "%s links to CONTRACT.md",
  (page) => {
    expect(read(page)).toMatch(/\]\((?:\.\.\/\.\.\/)?CONTRACT\.md\)/);
  },
);
