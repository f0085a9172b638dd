import { readFileSync, readdirSync } from "node:fs";
import type { KubeObject } from "@kinsync/core/contract";
import type { KindCase } from "@kinsync/core/testing";
import { parse, parseAllDocuments } from "yaml";

const FIXTURES = new URL("./fixtures/", import.meta.url);

/** One case per folder of fixtures: `objects.yaml` (the root first) and `expected.yaml` (members, note, missing). */
export function loadCases(): KindCase[] {
  return readdirSync(FIXTURES)
    .toSorted()
    .map((folder) => {
      const text = (file: string): string => readFileSync(new URL(`${folder}/${file}`, FIXTURES), "utf8");
      const [root, ...objects] = parseAllDocuments(text("objects.yaml")).map(
        (document) => document.toJS() as KubeObject,
      );
      if (root === undefined) throw new Error(`${folder}/objects.yaml is empty`);
      const expected = parse(text("expected.yaml")) as Omit<KindCase, "name" | "root" | "objects">;
      return { ...expected, name: folder.replaceAll("-", " "), root, objects };
    });
}
