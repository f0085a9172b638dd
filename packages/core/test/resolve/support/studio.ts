import { delegatedVerdict, type KindPlugin, type KubeObject } from "../../../src/contract/index.ts";
import { deployment } from "../../../../kind-deployment/src/index.ts";
import type { FakeCluster } from "../../support/fake-cluster.ts";
import { DEPLOYMENTS, object, pod, REPLICASETS } from "../../support/objects.ts";
import { startWatch } from "./watch-fixture.ts";
import { parentKind, STUDIOS, unsettled } from "./parents.ts";

export const studio = object(STUDIOS, "s");
export const studioKind = parentKind(STUDIOS, DEPLOYMENTS, {
  judge: (view) => ({
    pod: (owned) => {
      const part = owned.owners.at(-1)?.metadata.labels?.["part"];
      const verdict = delegatedVerdict(view, owned) ?? unsettled("no-child");
      return part === undefined ? verdict : { ...verdict, role: part };
    },
  }),
});

export function part(
  name: string,
  revision: number,
  spec: Readonly<Record<string, unknown>> = {},
): readonly KubeObject[] {
  const labels = { part: name };
  const annotations = { "deployment.kubernetes.io/revision": String(revision) };
  const own = object(DEPLOYMENTS, `s-${name}`, {
    owner: studio,
    labels,
    annotations,
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, ...spec },
    status: { replicas: 1, updatedReplicas: 1 },
  });
  const podLabels = { app: name };
  const replicaSet = object(REPLICASETS, `s-${name}-${revision}`, { owner: own, labels: podLabels, annotations });
  return [own, replicaSet, pod(`${name}-${revision}`, { owner: replicaSet, labels: podLabels })];
}

export function startStudio(cluster: FakeCluster, kinds: readonly KindPlugin[] = [studioKind, deployment()]) {
  return startWatch({ cluster, kind: studioKind, kinds, resource: STUDIOS, name: "s" });
}
