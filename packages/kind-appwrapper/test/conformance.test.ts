import { appwrapper } from "@kinsync/kind-appwrapper";
import { deployment } from "@kinsync/kind-deployment";
import { job } from "@kinsync/kind-job";
import { jobset } from "@kinsync/kind-jobset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { resourcesOf } from "../src/components.ts";

const isolated = new URL("../src/index.ts", import.meta.url);

const kinds = [deployment(), job(), jobset()];

kindConformance(appwrapper(), loadKindCases(new URL("./fixtures/", import.meta.url)), { test, isolated, kinds });

test("the plural of a component is formed as Kubernetes' tools form it, and components that own no pods are left out", () => {
  const named = ["ray.io/v1 RayCluster", "a.dev/v1 Box", "a.dev/v1 Proxy", "a.dev/v1 Relay", "v1 Service", "v1 Pod"];
  const others = ["networking.k8s.io/v1 Ingress", "jobset.x-k8s.io/v1alpha2 JobSet", "a.dev/v1 Box"];
  const components = [...named, ...others].map((text) => {
    const [apiVersion = "", kind = ""] = text.split(" ");
    return { template: { apiVersion, kind } };
  });
  const root = { apiVersion: "v1", kind: "AppWrapper", metadata: { name: "x", uid: "x" }, spec: { components } };
  expect(resourcesOf(root).map(({ plural }) => plural)).toEqual([
    "rayclusters",
    "boxes",
    "proxies",
    "relays",
    "jobsets",
  ]);
});
