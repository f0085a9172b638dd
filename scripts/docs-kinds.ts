// Generates docs/reference/kinds.md from the table of built-in kinds.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { RootType } from "@kinsync/core/contract";
import { listKinds, type ListedKind } from "@kinsync/core/project";
import { markdownTable } from "markdown-table";
import { CONTROLLERS } from "../e2e/cluster/controllers/index.ts";
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
    "rule of the kind, and knows which pods files must go to. The pages of the kinds name the files of the sources.\n",
    "Where it could be had, the controller itself was the judge, too: it ran on a real cluster in situations of its own (`e2e/README.md`), and",
    "what it did is recorded with the true state of each pod, by UID. The tests of the kind replay these histories. The other controllers are only",
    "played: they cannot be had as Go modules where the situations were recorded.\n",
    markdownTable([
      ["kind", "judged against"],
      ...BUILT_IN.map(({ name, root }) => [resourceOf(root), judgeOf(name) ?? PLAYED]),
    ]),
    "",
  ].join("\n");
}

/** As kubectl names it: `jobs.batch`. */
function resourceOf({ plural, group }: RootType): string {
  return `\`${group === "" ? plural : `${plural}.${group}`}\``;
}

const PLAYED = "the oracle, which plays its controller";

/** The kinds of Kubernetes whose controllers are those of the cluster's control plane. */
const CONTROL_PLANE: ReadonlySet<string> = new Set([
  "deployment",
  "statefulset",
  "daemonset",
  "replicaset",
  "replicationcontroller",
  "job",
  "cronjob",
]);

/** The real controller, or several, with its version, whose recorded histories the tests of a kind replay; `undefined` if it is only played. */
export function judgeOf(kind: string): string | undefined {
  if (CONTROL_PLANE.has(kind)) return `Kubernetes ${versionIn("kubernetes", "k8s.io/kubernetes")}`;
  if (kind === "jobset") return `JobSet ${versionIn("jobset", "sigs.k8s.io/jobset")}`;
  const controllers = CONTROLLERS.filter(({ kinds }) => kinds.includes(kind));
  if (controllers.length === 0) return undefined;
  return controllers.map(({ title, version }) => `${title} ${version}`).join(", ");
}

/** The version of a module that the cluster of the situations is built from. */
function versionIn(folder: string, module: string): string {
  const mod = readFileSync(resolve(import.meta.dirname, `../e2e/cluster/go/${folder}/go.mod`), "utf8");
  const line = mod.split("\n").find((each) => each.startsWith(`\t${module} v`));
  if (line === undefined) throw new Error(`go.mod of ${folder} does not require ${module}`);
  return line.trim().split(" ")[1] ?? "";
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
