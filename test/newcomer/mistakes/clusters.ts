// This file has more than 300 lines because it is a table.

import { config, type Mistake, type Prepared } from "../support/mistake.ts";
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
  {
    what: "no kubeconfig",
    line: SYNC,
    prepare: () => ({ env: { KUBECONFIG: "" } }),
    code: 5,
    object: "FOLDER/.kube/config",
    cause: "There is no kubeconfig",
    next: "Set `KUBECONFIG`, or create `~/.kube/config`.",
  },
  {
    what: "a kubeconfig that is not there",
    line: `${SYNC} --kubeconfig nowhere`,
    code: 5,
    object: "nowhere",
    cause: "There is no kubeconfig",
    next: "Fix the path",
  },
  {
    what: "an empty kubeconfig",
    line: SYNC,
    prepare: kubeconfig(() => ""),
    code: 5,
    object: "FOLDER/kubeconfig",
    cause: "has no current-context",
    next: "Log in with your cluster's tool",
  },
  {
    what: "a kubeconfig that does not parse",
    line: SYNC,
    prepare: kubeconfig(() => "contexts: [\n"),
    code: 5,
    object: "FOLDER/kubeconfig:2",
    cause: "cannot be parsed",
    next: "Fix the error at the location shown above.",
  },
  {
    what: "a kubeconfig without a current context",
    line: SYNC,
    prepare: kubeconfig((text) => text.replace(/^current-context:.*\n/m, "")),
    code: 5,
    object: "FOLDER/kubeconfig",
    cause: "has no current-context",
    next: "Name one: --context kinsync-playground",
  },
  {
    what: "a context with a typo",
    line: `${SYNC} --context kinsync-playgruond`,
    code: 5,
    object: 'context "kinsync-playgruond"',
    cause: "There is no context",
    next: "Known contexts: kinsync-playground",
  },
  {
    what: "a context that is not local",
    line: SYNC,
    prepare: kubeconfig((text) => text.replaceAll("kinsync-playground", "prod")),
    code: 5,
    object: 'context "prod"',
    cause: "it is not a known local cluster",
    next: "To allow it: --context prod",
  },
  {
    what: "a context whose user there is not",
    line: SYNC,
    prepare: kubeconfig((text) => text.replace("user: kinsync-playground", "user: ada")),
    code: 5,
    object: 'user "ada"',
    cause: "does not exist",
    next: "kubectl config set-context kinsync-playground --user=NAME",
  },
  {
    what: "an authority that did not sign the certificate",
    line: SYNC,
    prepare: kubeconfig((text) => text.replace(/^\s*certificate-authority-data:.*$/m, "")),
    code: 5,
    object: "The API server https://127.0.0.1",
    cause: "it is self-signed",
    next: "Check `certificate-authority` of the cluster",
  },
  {
    what: "a token that the server refuses",
    line: SYNC,
    prepare: kubeconfig((text) => text.replace(/token: .*/, "token: another")),
    code: 5,
    object: "pod/app in namespace default",
    cause: "refused the credentials (401)",
    next: "Check that `kubectl get pods` works",
  },
  {
    what: "a program for the credentials that is not installed",
    line: SYNC,
    prepare: kubeconfig((text) =>
      text.replace(
        /token: .*/,
        "exec: { apiVersion: client.authentication.k8s.io/v1, command: no-such-login, interactiveMode: Never }",
      ),
    ),
    code: 5,
    object: "The credential plugin no-such-login",
    cause: "no such program",
    next: "Install no-such-login, or put it into PATH.",
  },
  {
    what: "a server that there is not",
    line: SYNC,
    prepare: kubeconfig((text) => text.replace(/server: .*/, "server: https://127.0.0.1:1")),
    code: 5,
    object: "https://127.0.0.1:1",
    cause: "connection refused",
    next: "Check that the cluster is running",
  },
  {
    what: "no right to get the workload",
    line: "sync deploy/web --sync src:src",
    prepare: deny({ verb: "get", resource: "deployments.apps" }),
    code: 5,
    object: "Cannot get deployment/web in namespace default",
    cause: 'cannot get resource "deployments"',
    next: 'resources: ["deployments"], verbs: ["get"]',
  },
  {
    what: "no right to list pods",
    line: SYNC,
    prepare: deny({ verb: "list", resource: "pods" }),
    code: 5,
    object: "Cannot list pods app in namespace default",
    cause: 'cannot list resource "pods"',
    next: 'resources: ["pods"], verbs: ["get", "list", "watch"]',
  },
  {
    what: "no right to watch pods",
    line: SYNC,
    prepare: deny({ verb: "watch", resource: "pods" }),
    code: 0,
    object: "Cannot watch pods app in namespace default",
    cause: "it is listed every few seconds instead",
    next: 'resources: ["pods"], verbs: ["watch"]',
  },
  {
    what: "no right to exec",
    line: SYNC,
    prepare: deny(
      { verb: "get", resource: "pods", subresource: "exec" },
      { verb: "create", resource: "pods", subresource: "exec" },
    ),
    code: 5,
    object: "Cannot exec into pods in namespace default",
    cause: "no right to pods/exec",
    next: 'resources: ["pods/exec"], verbs: ["get", "create"]',
  },
  {
    what: "a workload with a typo",
    line: "sync deploy/wep --sync src:src",
    code: 2,
    object: "deployment/wep",
    cause: "there is no",
    next: "Did you mean deployment/web?",
  },
  {
    what: "a workload of another namespace",
    line: "sync deploy/cart --sync src:src",
    code: 2,
    object: "deployment/cart in namespace default",
    cause: "there is no",
    next: "There is one in namespace shop: add -n shop",
  },
  {
    what: "a workload of two other namespaces",
    line: "sync deploy/both --sync src:src",
    code: 2,
    object: "deployment/both in namespace default",
    cause: "there is no",
    next: "There is one in each of the namespaces blog, shop",
  },
  {
    what: "a workload of another namespace, in a config",
    line: "sync",
    files: config("deploy/cart", "sync: [{ from: src, to: src }]"),
    code: 2,
    object: "deployment/cart in namespace default",
    cause: "there is no",
    next: "`namespace: shop` in a config",
  },
  {
    what: "a namespace with a typo",
    line: `${SYNC} -n defualt`,
    code: 2,
    object: "namespace defualt",
    cause: "there is no",
    next: "Did you mean default?",
  },
  {
    what: "a kind with a typo",
    line: "tree deplyoment/web",
    code: 2,
    object: 'kind "deplyoment"',
    cause: "the cluster serves no",
    next: "Did you mean deployment",
  },
  {
    what: "a kind that the cluster does not serve",
    line: "tree workflow/web",
    code: 2,
    object: 'kind "workflow"',
    cause: "the cluster serves no",
    next: "`kubectl api-resources` lists the kinds.",
  },
  {
    what: "a Service",
    line: "sync svc/web --sync src:src",
    code: 2,
    object: "service/web",
    cause: "a Service selects pods but does not own them",
    next: "Its pods belong to deployment/web. Name that instead.",
  },
  {
    what: "a ConfigMap",
    line: "sync cm/settings --sync src:src",
    code: 2,
    object: "configmap/settings",
    cause: "a ConfigMap owns no pods",
    next: "Name the workload that owns the pods",
  },
  {
    what: "a Node",
    line: "tree node/kinsync-playground",
    code: 2,
    object: "node/kinsync-playground",
    cause: "a Node runs pods but does not own them",
    next: "Name the workload that owns the pods",
  },
  {
    what: "a Namespace",
    line: "sync ns/shop --sync src:src",
    code: 2,
    object: "namespace/shop",
    cause: "a Namespace contains pods but does not own them",
    next: "Name the workload that owns the pods",
  },
  {
    what: "a role of a workload without roles",
    line: `${SYNC} --role head`,
    code: 2,
    object: "pod/app sync[0]",
    cause: "no member has the role head; the members have no roles",
    next: "See `kinsync tree`",
  },
  {
    what: "a role with a typo",
    line: "sync jobset/train --sync src:src --role haed",
    code: 2,
    object: "jobset/train sync[0]",
    cause: "no member has the role haed; known roles: head, worker",
    next: "Did you mean head?",
    // The JobSet's spec names its roles: no time can add one.
    within: 4,
  },
  {
    what: "a container with a typo",
    line: `${SYNC} --container mian`,
    code: 2,
    object: "pod/app sync[0]",
    cause: "no member has the container mian; known containers: main",
    next: "Did you mean main?",
  },
  {
    what: "an index that no member has, beside a good mapping",
    line: "sync",
    files: config(
      "jobset/train",
      "sync:",
      "  - { from: src, to: src }",
      '  - { from: src, to: other, indexes: ["1"] }',
    ),
    code: 2,
    object: "jobset/train sync[1]",
    cause: "no member has the index 1; known indexes: 0/0, 0/1",
    next: "See `kinsync tree`",
  },
  {
    what: "a selector that no workload fits",
    line: "sync -l app=webb --sync src:src",
    code: 2,
    object: "--sync",
    cause: "needs a workload",
    next: "kinsync up jobset/train --sync src:src",
  },
  {
    what: "the same name in two namespaces, of which a flag names one",
    line: "sync deploy/both -n blog",
    files: {
      "kinsync.config.yaml":
        "workloads:\n  - { workload: deploy/both, namespace: shop, sync: [{ from: src, to: src }] }\n  - { workload: deploy/both, namespace: blog, sync: [{ from: src, to: src }] }\n",
    },
    code: 0,
    object: "namespace blog",
    cause: "1 of 1 container up to date",
  },
  {
    what: "a workload of no replicas",
    line: "sync deploy/zero --sync src:src --wait 1",
    code: 4,
    object: "the Deployment",
    cause: "is scaled to 0 replicas",
    next: "`kinsync explain deploy/zero` shows",
  },
  {
    what: "an image that there is not",
    line: "sync pod/noimage --sync src:src --wait 1",
    code: 4,
    object: "noimage [main]",
    cause: "no image of that name is registered",
    next: "`kinsync explain pod/noimage` shows",
  },
  {
    what: "a container that crashes",
    line: "sync pod/crash --sync src:src --wait 1",
    code: 4,
    object: "crash [main]",
    cause: "CrashLoopBackOff",
    next: "`kinsync explain pod/crash` shows",
  },
  {
    what: "a pod that is done",
    line: "sync pod/done --sync src:src --wait 1",
    code: 4,
    object: "member done",
    cause: "the pod has ended: Succeeded",
    next: "`kinsync explain pod/done` shows",
  },
];
