import type { KindRules, RuleChild, RuleWatch } from "@kinsync/core/contract";
import { KinsyncError } from "@kinsync/core/contract";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { cleanData } from "../render/text.ts";
import { readWorkload } from "../setup/read-workload.ts";
import type { ClusterOptions } from "../setup/options.ts";

/** Labels that are shown as examples at most. */
const SHOWN_LABELS = 4;

/** Prints the shortest rules for a workload that no kind supports. Only reads. */
export async function runKindsNew(workload: string, options: ClusterOptions, io: Io): Promise<number> {
  const { differingLabels, firstRules, resolveOnce } = await import("@kinsync/core");
  const { resolution, kinds } = await readWorkload(workload, options, io, async ({ found, ...rest }) => ({
    resolution: await resolveOnce({ ...rest, ref: found.ref, kind: found.kind, signal: io.signal }),
    kinds: rest.kinds,
  }));
  if (resolution.kind !== undefined) {
    throw new KinsyncError("KINSYNC_USAGE", `${workload} is supported already, by the kind ${resolution.kind}`, {
      hint: `\`kinsync explain ${workload}\` shows what the kind answers for each pod.`,
      details: { kind: resolution.kind },
    });
  }
  const rules = firstRules(resolution, kinds);
  if (options.json) {
    io.stdout.write(`${JSON.stringify(cleanData(rules))}\n`);
    return EXIT.done;
  }
  const { stringify } = await import("yaml");
  io.stdout.write(textOf(rules, differingLabels(resolution.members), (value) => stringify(value, INLINE).trim()));
  return EXIT.done;
}

const INLINE = { collectionStyle: "flow", lineWidth: 0 } as const;

/** The file as a person would write it: one line for each object. */
function textOf(rules: KindRules, labels: readonly string[], inline: (value: unknown) => string): string {
  const { name, root, watches = [], children = [] } = rules;
  const list = (key: string, items: readonly (RuleWatch | RuleChild)[]): readonly string[] =>
    items.length === 0 ? [] : [`${key}:`, ...items.map((item) => `  - ${inline(item)}`)];
  const shown = labels.slice(0, SHOWN_LABELS);
  const example = inline(shown[0] ?? "example.com/part");
  return [
    `# Save it as kinds/${name}.kind.yaml beside the config; \`kinsync explain\` shows which rule fits each pod, and why.`,
    `name: ${name}`,
    `root: ${inline(root)}`,
    ...list("watches", watches),
    ...list("children", children),
    ...(shown.length === 0 ? [] : [`# Labels in which its pods differ: ${shown.join(", ")}`]),
    ...(children.length === 0
      ? [
          "# Every live pod is current, unless rules tell revisions apart:",
          "# rules:",
          `#   - { if: "labels['${example}'] != root.status.revision", state: superseded, code: revision-behind }`,
          "#   - { state: current, code: at-revision }",
          `# role: labels['${example}']`,
        ]
      : ["# Roles, for `roles` of mappings; in an entry of children: role: child.metadata.labels['example.com/part']"]),
    "",
  ].join("\n");
}
