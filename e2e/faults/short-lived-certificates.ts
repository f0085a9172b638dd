import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { kubeconfigOf, roleBinding, writeKubeconfig } from "../harness/access.ts";
import { findComponent } from "./node-components.ts";
import type { Stage } from "../harness/fixture.ts";

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, unknown>> }];
}

/**
 * A user with the rights of kinsync's Role, whose client certificates are valid for so many seconds and come from a plugin that
 * signs them with the cluster's own certificate authority. Needs root, on the first node.
 * @returns path of the user's kubeconfig
 */
export async function shortLived(stage: Stage, seconds: number): Promise<string> {
  const { kubeconfig, namespace, project } = stage;
  const name = `short-lived-${namespace}`;
  const flag = "--client-ca-file=";
  const { argv } = await findComponent("kube-apiserver");
  const authority = argv.find((each) => each.startsWith(flag))?.slice(flag.length);
  if (authority === undefined) throw new Error(`kube-apiserver was started without ${flag}`);
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: [join(import.meta.dirname, "certificate-plugin.ts"), dirname(authority), name, String(seconds)],
    interactiveMode: "Never",
  };
  const { clusters } = parse(await readFile(kubeconfig, "utf8")) as Kubeconfig;
  const text = kubeconfigOf({ cluster: clusters[0].cluster, user: { exec }, namespace });
  const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name }];
  await stage.create({ ...roleBinding(namespace), metadata: { name: "short-lived" }, subjects });
  return writeKubeconfig(project.path("by-login"), text);
}
