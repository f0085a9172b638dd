// Generates docs/reference/kinds.md from the table of built-in kinds.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { listKinds, type ListedKind } from "@kinsync/core/project";
import { markdownTable } from "markdown-table";
import { BUILT_IN, BUILT_IN_KINDS } from "../packages/cli/src/setup/built-in-kinds.ts";

/** The text of the page. */
export async function kindsPage(): Promise<string> {
  const kinds = await listKinds({ cwd: "/", env: {}, inline: { workloads: [] }, plugins: BUILT_IN_KINDS });
  return [
    "# Kinds\n",
    "A kind decides which pods of a workload are current. These kinds come with kinsync; `kinsync kinds` lists them, and those of your config.",
    "Name a workload as kubectl does: by short name, singular, plural, or `KIND.GROUP`.\n",
    "The page of each package states the rule, every state with its reason and source, the notes, and the permissions.",
    "Each kind reads its workload, the listed resources and `pods`, with `get`, `list` and `watch`; kinsync works without the optional ones.",
    "`kinsync rbac KIND/NAME` prints the Role for one workload.\n",
    markdownTable([["kind", "versions", "short names", "reads", "members"], ...kinds.map(rowOf)]),
    "",
    "## A workload of another kind\n",
    "Any other workload works, too: kinsync follows owner references from its UID to its pods. Every live pod gets files. What only a kind can",
    "know is missing: roles, indexes, and which pods a rollout is replacing. A note names this. [Write a kind](../guides/write-a-kind.md) to teach",
    "kinsync the rule.\n",
    "## How these kinds are tested\n",
    "Every kind is compared with its controller in random histories: rollouts, rollbacks, scaling, restarts, deletion and creation under the same",
    "name, adoption, and watches that are late, lost and out of order. An oracle in `test/oracle` plays the controller by its sources, without the",
    "rule of the kind, and knows which pods files must go to. Deployment, StatefulSet and JobSet are also tested with histories of their real",
    "controllers, recorded on a cluster. The pages of the kinds name the files of the sources. The playground only serves the resources of the",
    "other kinds; no test runs their real controllers.",
    "",
  ].join("\n");
}

function rowOf({ name, root, reads }: ListedKind): readonly string[] {
  const builtIn = BUILT_IN.find((each) => each.name === name);
  const page = (builtIn?.package ?? "").replace("@kinsync/", "");
  const versions = [root.version, ...(root.versions ?? [])];
  const texts = reads.map(({ resource, isOptional }) => `\`${resource}\`${isOptional ? " (optional)" : ""}`);
  return [
    `[${root.kind}](../../packages/${page}/README.md)`,
    versions.map((version) => `\`${root.group === "" ? version : `${root.group}/${version}`}\``).join(", "),
    (root.shortNames ?? []).map((short) => `\`${short}\``).join(", "),
    texts.join(", "),
    builtIn?.members ?? "",
  ];
}

if (import.meta.main) {
  writeFileSync(resolve(import.meta.dirname, "..", "docs", "reference", "kinds.md"), await kindsPage());
}
