import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "./state.ts";

/** The label of a JobSet's pods. */
const LABEL = "jobset.sigs.k8s.io/jobset-name";

/** Writes the files of the JobSet controller. It uses the API server's certificate: both have the address 127.0.0.1. */
export async function configureJobSet({ etc, pki }: Layout): Promise<void> {
  const certDir = join(etc, "jobset");
  await mkdir(certDir, { mode: 0o700 });
  await copyFile(join(pki, "apiserver.crt"), join(certDir, "tls.crt"));
  await copyFile(join(pki, "apiserver.key"), join(certDir, "tls.key"));
  const configuration = {
    apiVersion: "config.jobset.x-k8s.io/v1alpha1",
    kind: "Configuration",
    leaderElection: { leaderElect: false },
    internalCertManagement: { enable: false },
    webhook: { port: 9443, certDir },
    metrics: { certDir },
    // Alpha, closed by default: restarts of single Jobs, and Jobs that change their size.
    featureGates: { RestartJob: true, ElasticJobSet: true },
  };
  await writeFile(join(etc, "jobset.json"), JSON.stringify(configuration));
}

/**
 * The controller's webhook manifests for a controller that is a process and not a pod: with an address instead of a service.
 * The webhooks of pods apply to a JobSet's pods only: all other pods can be created while the controller does not run.
 */
export async function webhookManifests(manifests: string, authority: string): Promise<string> {
  const bundle = (await readFile(authority)).toString("base64");
  const service = /service:\n\s+name: webhook-service\n\s+namespace: system\n\s+path: (\S+)/g;
  const pods = /^( +)name: [mv]pod\.kb\.io$/gm;
  const text = await readFile(manifests, "utf8");
  if (!service.test(text) || !pods.test(text))
    throw new Error(`${manifests} does not contain the webhooks of JobSet 0.12`);
  const selector = `objectSelector: {matchExpressions: [{key: ${LABEL}, operator: Exists}]}`;
  return text
    .replace(service, (_, path) => `url: https://127.0.0.1:9443${path}\n    caBundle: ${bundle}`)
    .replace(pods, (line, indent) => `${line}\n${indent}${selector}`);
}
