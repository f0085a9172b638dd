import { expect, test } from "vitest";
import { trimPod } from "../../src/kube/trim.ts";

test("a pod keeps what locates the bytes of its volumes, and nothing else of them", () => {
  const volumes = [
    { name: "nfs", nfs: { server: "nas", path: "/x", readOnly: true } },
    { name: "csi", csi: { driver: "d", readOnly: false, volumeAttributes: { secret: "x" } } },
    { name: "claim", ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: "1Gi" } } } } } },
    { name: "projected", projected: { sources: [{ secret: { name: "s" } }] } },
    { name: "downward", downwardAPI: { items: [{ path: "labels" }] } },
    { name: "image", image: { reference: "registry.example/x:1" } },
  ];
  const raw = { metadata: { name: "p", uid: "u" }, spec: { containers: [], volumes } };
  expect(trimPod(raw).spec.volumes).toEqual([
    { name: "nfs", nfs: { server: "nas", path: "/x", readOnly: true } },
    { name: "csi", csi: { driver: "d", readOnly: false } },
    { name: "claim", ephemeral: {} },
    { name: "projected", projected: {} },
    { name: "downward", downwardAPI: {} },
    { name: "image", image: {} },
  ]);
});

test("a container keeps its environment only where a subPathExpr needs it", () => {
  const env = [
    { name: "POD", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
    { name: "TOKEN", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
    { name: "PLAIN", value: "x" },
  ];
  const mount = { name: "v", mountPath: "/v" };
  const containers = [
    { name: "plain", env, volumeMounts: [{ ...mount, subPath: "a" }] },
    { name: "expression", env, volumeMounts: [{ ...mount, subPathExpr: "$(POD)" }] },
  ];
  expect(trimPod({ metadata: { name: "p", uid: "u" }, spec: { containers } }).spec.containers).toEqual([
    { name: "plain", volumeMounts: [{ ...mount, subPath: "a" }] },
    {
      name: "expression",
      volumeMounts: [{ ...mount, subPathExpr: "$(POD)" }],
      env: [
        { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "TOKEN", valueFrom: {} },
        { name: "PLAIN", value: "x" },
      ],
    },
  ]);
});
