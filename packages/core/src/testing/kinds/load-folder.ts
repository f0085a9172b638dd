import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../../contract/resource.ts";
import { parseHistory } from "../histories/history.ts";
import type { History } from "../histories/history.ts";
import type { KindCase } from "./kind-case.ts";

/**
 * The cases of a folder, one in each folder below it: `objects.yaml` has the objects of the namespace, the root first, and
 * `expected.yaml` has `members`, and `notes`, `roles` and `missing` where they are needed. The folder's name is the scenario.
 *
 * @param folder ends in a slash: `new URL("./fixtures/", import.meta.url)`
 * @throws Error where a file is missing or empty
 */
export function loadKindCases(folder: URL): KindCase[] {
  return readdirSync(folder)
    .toSorted()
    .map((name) => {
      const text = (file: string): string => readFileSync(new URL(`${name}/${file}`, folder), "utf8");
      const [root, ...objects] = parseAllDocuments(text("objects.yaml")).map(
        (document) => document.toJS() as KubeObject,
      );
      if (root === undefined) throw new Error(`${name}/objects.yaml is empty`);
      const expected = parse(text("expected.yaml")) as Omit<KindCase, "name" | "root" | "objects">;
      return { ...expected, name: name.replaceAll("-", " "), root, objects };
    });
}

/**
 * The recorded histories of a folder: each `NAME.jsonl`, with the transcript `NAME.txt` where there is one.
 *
 * @param folder ends in a slash: `new URL("../histories/", import.meta.url)`
 * @throws Error where there is none, and where one cannot be read or states no truth
 */
export function loadHistories(folder: URL): History[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".jsonl"))
    .toSorted();
  if (files.length === 0) throw new Error(`there is no history in ${folder.pathname}`);
  return files.map((file) => {
    const name = file.slice(0, -".jsonl".length);
    const transcript = new URL(`${name}.txt`, folder);
    return parseHistory(
      name,
      readFileSync(new URL(file, folder), "utf8"),
      existsSync(transcript) ? readFileSync(transcript, "utf8") : undefined,
    );
  });
}
