import { accessSync, constants } from "node:fs";
import { basename, delimiter, isAbsolute, join } from "node:path";
import { KinsyncError } from "../../errors/error.ts";
import { listOf, recordOf, textOf } from "./foreign-fields.ts";
import { homeFolder } from "./home.ts";
import type { Environment } from "./kubeconfig.ts";
import { readKubeconfig } from "./kubeconfig-file.ts";

/**
 * Refuses a credential plugin that the user's kuberc does not allow: `credentialPluginPolicy` and `credentialPluginAllowlist` of
 * kubectl 1.35 (https://kubernetes.io/docs/reference/kubectl/kuberc/). The file is that of KUBERC, else `~/.kube/kuberc`.
 * @throws `KINSYNC_CLUSTER_CREDENTIALS`
 */
export async function checkPluginPolicy(command: string, user: string, env: Environment): Promise<void> {
  const home = homeFolder(env);
  const file = env["KUBERC"] || (home === undefined ? undefined : join(home, ".kube", "kuberc"));
  if (file === undefined || file === "off") return;
  const content = recordOf((await readKubeconfig(file))?.content);
  const policy = textOf(content["credentialPluginPolicy"]) ?? "AllowAll";
  const refuse = (why: string, hint: string): KinsyncError =>
    new KinsyncError(
      "KINSYNC_CLUSTER_CREDENTIALS",
      `The credential plugin ${basename(command)} of user "${user}" may not run: ${why}`,
      { hint, retry: "terminal" },
    );
  if (policy === "AllowAll") return;
  if (policy === "DenyAll")
    throw refuse(`credentialPluginPolicy of ${file} is DenyAll`, "Change it, or use another user.");
  if (policy !== "Allowlist") {
    throw refuse(`credentialPluginPolicy of ${file} is unknown`, "Use AllowAll, DenyAll or Allowlist.");
  }
  const allowed = listOf(content["credentialPluginAllowlist"]).flatMap((item) => {
    const entry = recordOf(item);
    return textOf(entry["command"]) ?? textOf(entry["name"]) ?? [];
  });
  const path = whereIs(command, env);
  const isAllowed = allowed.some((entry) => entry === command || (path !== undefined && whereIs(entry, env) === path));
  if (isAllowed) return;
  throw refuse(
    `credentialPluginAllowlist of ${file} does not list it`,
    `Add it there if you trust it: - command: ${path ?? command}`,
  );
}

/** The program that a command starts; `undefined` if PATH has none. */
function whereIs(command: string, env: Environment): string | undefined {
  if (isAbsolute(command)) return command;
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, command)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
