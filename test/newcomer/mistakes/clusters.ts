import { config, mapping, type Mistake, type Prepared } from "../support/mistake.ts";
import type { Fixture } from "../support/fixture.ts";

const SYNC = "sync pod/app --sync src:src";

/** Changes the text of the kubeconfig. */
function kubeconfig(change: (text: string) => string) {
  return async ({ playground, place }: Fixture): Promise<Prepared> => ({
    env: { KUBECONFIG: await place.write("kubeconfig", change(playground.kubeconfig)) },
  });
}

/** Denies requests while the mistake is made. */
function deny(...patterns: readonly Parameters<Fixture["playground"]["faults"]["deny"]>[0][]) {
  return ({ playground }: Fixture): Prepared => {
    const denied = patterns.map((pattern) => playground.faults.deny(pattern));
    return {
      end: () => {
        for (const one of denied) one[Symbol.dispose]();
      },
    };
  };
}

/** The login, the rights, and names of things in the cluster. */
export const CLUSTERS: readonly Mistake[] = [
  { what: "no kubeconfig", line: SYNC, prepare: () => ({ env: { KUBECONFIG: "" } }), code: 5, object: "", cause: "", next: "" },
  { what: "a kubeconfig that is not there", line: `${SYNC} --kubeconfig nowhere`, code: 5, object: "", cause: "", next: "" },
  { what: "an empty kubeconfig", line: SYNC, prepare: kubeconfig(() => ""), code: 5, object: "", cause: "", next: "" },
  { what: "a kubeconfig that does not parse", line: SYNC, prepare: kubeconfig(() => "contexts: [\n"), code: 5, object: "", cause: "", next: "" },
  { what: "a kubeconfig without a current context", line: SYNC, prepare: kubeconfig((text) => text.replace(/^current-context:.*\n/m, "")), code: 5, object: "", cause: "", next: "" },
  { what: "a context with a typo", line: `${SYNC} --context kinsync-playgruond`, code: 5, object: "", cause: "", next: "" },
  { what: "a context that is not local", line: SYNC, prepare: kubeconfig((text) => text.replaceAll("kinsync-playground", "prod")), code: 5, object: "", cause: "", next: "" },
  { what: "a context whose user there is not", line: SYNC, prepare: kubeconfig((text) => text.replace("user: kinsync-playground", "user: ada")), code: 5, object: "", cause: "", next: "" },
  { what: "an authority that did not sign the certificate", line: SYNC, prepare: kubeconfig((text) => text.replace(/^\s*certificate-authority-data:.*$/m, "")), code: 5, object: "", cause: "", next: "" },
  { what: "a token that the server refuses", line: SYNC, prepare: kubeconfig((text) => text.replace(/token: .*/, "token: another")), code: 5, object: "", cause: "", next: "" },
  { what: "a program for the credentials that is not installed", line: SYNC, prepare: kubeconfig((text) => text.replace(/token: .*/, "exec: { apiVersion: client.authentication.k8s.io/v1, command: no-such-login, interactiveMode: Never }")), code: 5, object: "", cause: "", next: "" },
  { what: "a server that there is not", line: SYNC, prepare: kubeconfig((text) => text.replace(/server: .*/, "server: https://127.0.0.1:1")), code: 5, object: "", cause: "", next: "" },
  { what: "no right to get the workload", line: "sync deploy/web --sync src:src", prepare: deny({ verb: "get", resource: "deployments.apps" }), code: 5, object: "", cause: "", next: "" },
  { what: "no right to list pods", line: SYNC, prepare: deny({ verb: "list", resource: "pods" }), code: 5, object: "", cause: "", next: "" },
  { what: "no right to watch pods", line: SYNC, prepare: deny({ verb: "watch", resource: "pods" }), code: 0, object: "", cause: "" },
  { what: "no right to exec", line: SYNC, prepare: deny({ verb: "get", resource: "pods", subresource: "exec" }, { verb: "create", resource: "pods", subresource: "exec" }), code: 5, object: "", cause: "", next: "" },
  { what: "a workload with a typo", line: "sync deploy/wep --sync src:src", code: 2, object: "", cause: "", next: "" },
  { what: "a workload of another namespace", line: "sync deploy/cart --sync src:src", code: 2, object: "", cause: "", next: "shop" },
  { what: "a workload of two other namespaces", line: "sync deploy/both --sync src:src", code: 2, object: "", cause: "", next: "" },
  { what: "a workload of another namespace, in a config", line: "sync", files: config("deploy/cart", "sync: [{ from: src, to: src }]"), code: 2, object: "", cause: "", next: "namespace: shop" },
  { what: "a namespace with a typo", line: `${SYNC} -n defualt`, code: 2, object: "", cause: "", next: "default" },
  { what: "a kind with a typo", line: "tree deplyoment/web", code: 2, object: "", cause: "", next: "" },
  { what: "a kind that the cluster does not serve", line: "tree rollout/web", code: 2, object: "", cause: "", next: "" },
  { what: "a Service", line: "sync svc/web --sync src:src", code: 2, object: "", cause: "", next: "deployment/web" },
  { what: "a ConfigMap", line: "sync cm/settings --sync src:src", code: 2, object: "", cause: "", next: "" },
  { what: "a Node", line: "tree node/kinsync-playground", code: 2, object: "", cause: "", next: "" },
  { what: "a Namespace", line: "sync ns/shop --sync src:src", code: 2, object: "", cause: "", next: "" },
  { what: "a role of a workload without roles", line: `${SYNC} --role head`, code: 2, object: "", cause: "", next: "" },
  { what: "a role with a typo", line: "sync jobset/train --sync src:src --role haed", code: 2, object: "", cause: "", next: "" },
  { what: "a container with a typo", line: `${SYNC} --container mian`, code: 2, object: "", cause: "", next: "" },
  { what: "an index that no member has, beside a good mapping", line: "sync", files: config("jobset/train", "sync:", "  - { from: src, to: src }", '  - { from: src, to: other, indexes: ["1"] }'), code: 2, object: "", cause: "", next: "" },
  { what: "a selector that no workload fits", line: "sync -l app=webb --sync src:src", code: 2, object: "", cause: "", next: "" },
  { what: "the same name in two namespaces, of which a flag names one", line: "sync deploy/both -n blog", files: { "kinsync.config.yaml": "workloads:\n  - { workload: deploy/both, namespace: shop, sync: [{ from: src, to: src }] }\n  - { workload: deploy/both, namespace: blog, sync: [{ from: src, to: src }] }\n" }, code: 0, object: "", cause: "" },
  { what: "a workload of no replicas", line: "sync deploy/zero --sync src:src --wait 1", code: 4, object: "", cause: "", next: "" },
  { what: "a pod that no node takes", line: "sync pod/pending --sync src:src --wait 1", code: 4, object: "", cause: "", next: "" },
  { what: "an image that there is not", line: "sync pod/noimage --sync src:src --wait 1", code: 4, object: "", cause: "", next: "" },
  { what: "a container that crashes", line: "sync pod/crash --sync src:src --wait 1", code: 4, object: "", cause: "", next: "" },
  { what: "a pod that is done", line: "sync pod/done --sync src:src --wait 1", code: 4, object: "", cause: "", next: "" },
];
export const MISTAKES = CLUSTERS;
void mapping;
