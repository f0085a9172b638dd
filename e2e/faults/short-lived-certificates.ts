import { dirname, join } from "node:path";
import type { Fixture } from "../harness/fixture.ts";
import { kubeconfigText, readRoute, writeKubeconfig } from "../harness/kubeconfig.ts";
import { roleBinding } from "../harness/service-account.ts";
import { findComponent, flagOf } from "./node-components.ts";

/**
 * Creates a user with the rules of kinsync's Role. A credential plugin creates its client certificates, signed by the cluster's own
 * certificate authority. Requires root on the first node.
 * @param seconds validity of a certificate
 * @returns path of the user's kubeconfig
 */
export async function kubeconfigWithShortLivedCertificates(fixture: Fixture, seconds: number): Promise<string> {
  const { kubeconfig, namespace, project } = fixture;
  const name = `short-lived-${namespace}`;
  const authority = flagOf(await findComponent("kube-apiserver"), "client-ca-file");
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: [join(import.meta.dirname, "certificate-plugin.ts"), dirname(authority), name, String(seconds)],
    interactiveMode: "Never",
  };
  const { cluster } = await readRoute(kubeconfig);
  const text = kubeconfigText({ cluster, user: { exec }, namespace });
  const subject = { kind: "User", apiGroup: "rbac.authorization.k8s.io", name };
  await fixture.create(roleBinding(namespace, "short-lived", subject));
  return writeKubeconfig(project.path("with-plugin"), text);
}
