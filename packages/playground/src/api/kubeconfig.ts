import { stringify } from "yaml";

/** The name of context, cluster and user in the playground's kubeconfig. */
export const CONTEXT = "kinsync-playground";

/** A kubeconfig for one API server with a bearer token, as YAML. */
export function kubeconfigOf(server: {
  readonly url: string;
  readonly token: string;
  /** PEM. */
  readonly certificate: string;
}): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": CONTEXT,
    clusters: [
      {
        name: CONTEXT,
        cluster: {
          server: server.url,
          "certificate-authority-data": Buffer.from(server.certificate).toString("base64"),
        },
      },
    ],
    users: [{ name: CONTEXT, user: { token: server.token } }],
    contexts: [{ name: CONTEXT, context: { cluster: CONTEXT, user: CONTEXT, namespace: "default" } }],
  });
}
