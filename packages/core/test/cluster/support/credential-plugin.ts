import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestFolder } from "./kubeconfig-file.ts";

export interface Plugin {
  /** The `exec` entry of a user. */
  readonly exec: object;
  /** One entry for each run: what was in KUBERNETES_EXEC_INFO, and the environment. */
  runs(): Promise<readonly { info: Record<string, unknown>; extra: string | undefined }[]>;
}

/**
 * A credential plugin that is a Node script. Its body knows `run` (1 for the first) and calls `give(status)`.
 */
export async function writePlugin(folder: TestFolder, body: string, entry: object = {}): Promise<Plugin> {
  const log = join(folder.path, "runs.log");
  const script = await folder.write(
    "plugin.mjs",
    `import { appendFileSync, readFileSync } from "node:fs";
const log = ${JSON.stringify(log)};
const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
appendFileSync(log, JSON.stringify({ info, extra: process.env.EXTRA }) + "\\n");
const run = readFileSync(log, "utf8").trim().split("\\n").length;
function give(status) {
  console.log(JSON.stringify({ apiVersion: info.apiVersion, kind: "ExecCredential", status }));
}
${body}
`,
  );
  return {
    exec: {
      apiVersion: "client.authentication.k8s.io/v1",
      command: process.execPath,
      args: [script],
      interactiveMode: "Never",
      ...entry,
    },
    async runs() {
      const text = await readFile(log, "utf8").catch(() => "");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as { info: Record<string, unknown>; extra: string | undefined });
    },
  };
}
