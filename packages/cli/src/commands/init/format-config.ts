import { SCHEMA_URL } from "@kinsync/core/config";
import type { ProposedConfig, ProposedRule, ProposedRun, ProposedWorkload } from "./proposal.ts";

/** Formats that `init` can write. */
export type ConfigFormat = "yaml" | "ts" | "json";

/** The text of a config file. JSON has no comments; the others explain themselves. */
export async function formatConfig(config: ProposedConfig, format: ConfigFormat): Promise<string> {
  if (format === "json") return `${JSON.stringify({ $schema: SCHEMA_URL, ...valueOf(config) }, undefined, 2)}\n`;
  const { stringify } = await import("yaml");
  return format === "ts"
    ? formatScript(config)
    : formatYaml(config, (value) => stringify(value, { lineWidth: 0 }).trim());
}

/** The config as data. */
export function valueOf({ context, workloads }: ProposedConfig) {
  return {
    ...(context === undefined ? {} : { contexts: [context] }),
    workloads: workloads.map(({ workload, namespace, container, sync, run }) => ({
      workload,
      ...(namespace === undefined ? {} : { namespace }),
      ...(container === undefined ? {} : { containers: { name: container } }),
      sync: sync.map(({ because: _because, ...rule }) => rule),
      ...(run.length === 0 ? {} : { run: run.map(({ because: _because, ...action }) => action) }),
    })),
  };
}

const HEAD = [
  "kinsync keeps the containers of these workloads up to date with local files.",
  "`kinsync plan` shows what would be written, `kinsync up` does it on every save.",
];
const CONTEXTS = "Contexts that kinsync may write to, besides those of local clusters (kind-*, minikube, ...).";

function formatYaml({ context, workloads, leftOut }: ProposedConfig, scalar: (value: unknown) => string): string {
  const lines = [
    `# yaml-language-server: $schema=${SCHEMA_URL}`,
    `$schema: ${SCHEMA_URL}`,
    "",
    ...HEAD.map((line) => `# ${line}`),
    "",
    `# ${CONTEXTS}`,
    context === undefined ? "# contexts: [team-dev]" : `contexts: [${scalar(context)}]`,
    "",
    "workloads:",
    ...workloads.flatMap((workload) => yamlWorkload(workload, scalar)),
    ...leftOutLines(leftOut).map((line) => `# ${line}`),
  ];
  return `${lines.join("\n")}\n`;
}

function yamlWorkload(
  { workload, namespace, container, sync, run }: ProposedWorkload,
  scalar: (value: unknown) => string,
): readonly string[] {
  const list = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
  const rule = ({ from, to, container: own, ignore, ignoreFiles, because }: ProposedRule): readonly string[] => [
    `      # ${oneLine(because)}`,
    `      - from: ${scalar(from)}`,
    `        to: ${scalar(to)}`,
    ...(own === undefined ? [] : [`        container: ${scalar(own)}`]),
    ...(ignore === undefined ? [] : [`        ignore: ${list(ignore)}`]),
    ...(ignoreFiles === undefined ? [] : [`        ignoreFiles: ${list(ignoreFiles)}`]),
  ];
  const action = ({ when, command, because }: ProposedRun): readonly string[] => [
    `      # ${oneLine(because)}`,
    `      - when: ${list(when)}`,
    `        command: ${JSON.stringify(command)}`,
  ];
  return [
    `  - workload: ${scalar(workload)}`,
    ...(namespace === undefined ? [] : [`    namespace: ${scalar(namespace)}`]),
    ...(container === undefined ? [] : ["    containers:", `      name: ${scalar(container)}`]),
    "    # Local path, and where the container has it.",
    "    sync:",
    ...sync.flatMap(rule),
    ...(run.length > 0
      ? ["    # Commands in each container after files changed there.", "    run:", ...run.flatMap(action)]
      : [
          "    # Commands in each container after files changed there:",
          "    # run:",
          '    #   - when: ["requirements.txt"]',
          "    #     command: [pip, install, -r, requirements.txt]",
        ]),
    "",
  ];
}

function formatScript(config: ProposedConfig): string {
  const { contexts, workloads } = valueOf(config);
  const lines = [
    'import { defineConfig } from "kinsync";',
    "",
    ...HEAD.map((line) => `// ${line}`),
    "export default defineConfig({",
    `  $schema: ${JSON.stringify(SCHEMA_URL)},`,
    `  // ${CONTEXTS}`,
    contexts === undefined ? '  // contexts: ["team-dev"],' : `  contexts: ${JSON.stringify(contexts)},`,
    `  workloads: ${scriptOf(workloads, config.workloads)},`,
    "});",
    ...leftOutLines(config.leftOut).map((line) => `// ${line}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Object literals, with a comment at each rule. */
function scriptOf(values: ReturnType<typeof valueOf>["workloads"], workloads: readonly ProposedWorkload[]): string {
  const entries = values.map(({ sync, run, ...rest }, place) => {
    const commented = (
      items: readonly object[],
      sources: readonly { readonly because: string }[] | undefined,
    ): string =>
      items
        .map((item, index) => `        // ${oneLine(sources?.[index]?.because ?? "")}\n        ${inline(item)},`)
        .join("\n");
    const fields = Object.entries(rest).map(([key, value]) => `      ${key}: ${inline(value)},`);
    return [
      "    {",
      ...fields,
      "      // Local path, and where the container has it.",
      `      sync: [\n${commented(sync, workloads[place]?.sync)}\n      ],`,
      ...(run === undefined ? [] : [`      run: [\n${commented(run, workloads[place]?.run)}\n      ],`]),
      "    },",
    ].join("\n");
  });
  return `[\n${entries.join("\n")}\n  ]`;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key}: ${inline(each)}`)
    .join(", ")} }`;
}

function leftOutLines(leftOut: readonly string[]): readonly string[] {
  return leftOut.length === 0 ? [] : ["Not carried over:", ...leftOut.map((each) => `- ${oneLine(each)}`)];
}

/** A comment ends with its line. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
