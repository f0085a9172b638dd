import type { Container, Place, Pod, Target, Volume, VolumeMount } from "@kinsync/core/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placeOf } from "../../src/place/place.ts";

const TARGET: Target = {
  namespace: "ml",
  pod: "web-0",
  podUid: "uid-0",
  container: "main",
  containerId: "containerd://1",
  node: "n1",
};

interface Parts {
  readonly name?: string;
  readonly uid?: string;
  readonly node?: string;
  readonly volumes?: readonly Volume[];
  readonly containers?: readonly Container[];
}

function pod({ name = "web-0", uid = "uid-0", node = "n1", volumes = [], containers = [] }: Parts): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, uid, namespace: "ml" },
    spec: { nodeName: node, containers, volumes },
  };
}

/** Where `/app/src` of a container with one volume at `/app` lands. */
function placeIn(
  volume: Omit<Volume, "name">,
  mount: Partial<VolumeMount> = {},
  parts: Partial<Container> = {},
): Place | undefined {
  const main = { name: "main", volumeMounts: [{ name: "v", mountPath: "/app", ...mount }], ...parts };
  return where(pod({ volumes: [{ name: "v", ...volume }], containers: [main] }), "/app/src");
}

function where(of: Pod, path: string, container = "main"): Place | undefined {
  const target = { ...TARGET, pod: of.metadata.name, podUid: of.metadata.uid, container };
  return placeOf(target, { path, shape: "directory", key: "k" }, { pod: of });
}

describe("the place of a mapped root", () => {
  test.each<[type: string, volume: Omit<Volume, "name">, place: Place]>([
    ["a claim", { persistentVolumeClaim: { claimName: "code" } }, { volume: "pvc:ml/code", path: "/src" }],
    [
      "a read-only claim",
      { persistentVolumeClaim: { claimName: "code", readOnly: true } },
      { volume: "pvc:ml/code", path: "/src", readOnly: true },
    ],
    ["a generic ephemeral volume", { ephemeral: {} }, { volume: "pvc:ml/web-0-v", path: "/src" }],
    ["a folder of the node", { hostPath: { path: "/srv/code/" } }, { volume: "hostPath:n1", path: "/srv/code/src" }],
    ["an NFS export", { nfs: { server: "nas", path: "/x" } }, { volume: "nfs:nas", path: "/x/src" }],
    [
      "a read-only NFS export",
      { nfs: { server: "nas", path: "/", readOnly: true } },
      { volume: "nfs:nas", path: "/src", readOnly: true },
    ],
    ["an emptyDir", { emptyDir: {} }, { volume: "emptyDir:uid-0/v", path: "/src" }],
    ["a volume of a CSI driver", { csi: { driver: "d" } }, { volume: "csi:uid-0/v", path: "/src" }],
    ["a ConfigMap", { configMap: { name: "c" } }, { volume: "configMap:uid-0/v", path: "/src", readOnly: true }],
    ["a Secret", { secret: { secretName: "s" } }, { volume: "secret:uid-0/v", path: "/src", readOnly: true }],
    ["a projected volume", { projected: {} }, { volume: "projected:uid-0/v", path: "/src", readOnly: true }],
    ["the downward API", { downwardAPI: {} }, { volume: "downwardAPI:uid-0/v", path: "/src", readOnly: true }],
    ["an image", { image: {} }, { volume: "image:uid-0/v", path: "/src", readOnly: true }],
    ["any other type", {}, { volume: "volume:uid-0/v", path: "/src" }],
  ])("in %s", (_type, volume, place) => {
    expect(placeIn(volume)).toEqual(place);
  });

  const claim = { persistentVolumeClaim: { claimName: "code" } };

  test.each<[mount: string, mount: Partial<VolumeMount>, place: Place | undefined]>([
    ["a subPath", { subPath: "team/a" }, { volume: "pvc:ml/code", path: "/team/a/src" }],
    ["a read-only mount", { readOnly: true }, { volume: "pvc:ml/code", path: "/src", readOnly: true }],
    ["the root folder", { mountPath: "/" }, { volume: "pvc:ml/code", path: "/app/src" }],
    ["an untidy path", { mountPath: "//app/./src/" }, { volume: "pvc:ml/code", path: "/" }],
    ["a path without a slash in front", { mountPath: "app" }, { volume: "pvc:ml/code", path: "/src" }],
    ["a path beside it", { mountPath: "/app/s" }, undefined],
    ["a path below it", { mountPath: "/app/src/x" }, undefined],
  ])("a mount with %s", (_mount, mount, place) => {
    expect(placeIn(claim, mount)).toEqual(place);
  });

  test.each<[expression: string, path: string | undefined]>([
    ["$(POD)", "/web-0/src"],
    ["logs/$(PLAIN)/$(POD)", "/logs/p/web-0/src"],
    ["$(NESTED)", "/in-web-0/src"],
    ["$$(POD)", "/$(POD)/src"],
    ["$(NODE)-$(UID)-$(NS)", "/n1-uid-0-ml/src"],
    ["$(LABEL)", undefined],
    ["$(SECRET)", undefined],
    ["$(MISSING)", undefined],
  ])("a subPathExpr %s is expanded where the pod holds the values", (subPathExpr, path) => {
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const env = [
      field("POD", "metadata.name"),
      field("UID", "metadata.uid"),
      field("NS", "metadata.namespace"),
      field("NODE", "spec.nodeName"),
      field("LABEL", "metadata.labels['a']"),
      { name: "PLAIN", value: "p" },
      { name: "NESTED", value: "in-$(POD)" },
      { name: "SECRET", valueFrom: {} },
    ];
    expect(placeIn(claim, { subPathExpr }, { env })?.path).toBe(path);
  });

  test("the longest mount path decides", () => {
    const volumeMounts = [
      { name: "a", mountPath: "/app" },
      { name: "b", mountPath: "/app/src/conf" },
    ];
    const volumes = [
      { name: "a", emptyDir: {} },
      { name: "b", persistentVolumeClaim: { claimName: "conf" } },
    ];
    const one = pod({ volumes, containers: [{ name: "main", volumeMounts }] });
    expect(where(one, "/app/src")).toEqual({ volume: "emptyDir:uid-0/a", path: "/src" });
    expect(where(one, "/app/src/conf/x")).toEqual({ volume: "pvc:ml/conf", path: "/x" });
  });

  test("is unknown for a relative path, without the pod, without a volume, and on an unknown node", () => {
    expect(where(pod({ containers: [{ name: "main" }] }), "/app")).toBeUndefined();
    expect(placeOf(TARGET, { path: "/app", shape: "directory", key: "k" }, {})).toBeUndefined();
    const mounted = { name: "main", volumeMounts: [{ name: "v", mountPath: "/" }] };
    expect(where(pod({ containers: [mounted] }), "/app")).toBeUndefined();
    expect(where(pod({ volumes: [{ name: "v", emptyDir: {} }], containers: [mounted] }), "src")).toBeUndefined();
    const { nodeName: _, ...spec } = pod({
      volumes: [{ name: "v", hostPath: { path: "/x" } }],
      containers: [mounted],
    }).spec;
    const { node: __, ...target } = TARGET;
    const homeless = { ...pod({}), spec };
    expect(placeOf(target, { path: "/app", shape: "directory", key: "k" }, { pod: homeless })).toBeUndefined();
  });

  test("init and ephemeral containers have places, too", () => {
    const volumes = [{ name: "v", emptyDir: {} }];
    const mounted = (name: string): Container => ({ name, volumeMounts: [{ name: "v", mountPath: "/x" }] });
    const base = pod({ volumes, containers: [{ name: "main" }] });
    const spec = { ...base.spec, initContainers: [mounted("side")], ephemeralContainers: [mounted("debug")] };
    for (const name of ["side", "debug"]) {
      expect(where({ ...base, spec }, "/x", name)).toEqual({ volume: "emptyDir:uid-0/v", path: "/" });
    }
  });
});

describe("for any two containers", () => {
  const segment = fc.constantFrom("a", "b", "app", "src");
  const path = fc.array(segment, { maxLength: 3 }).map((parts) => `/${parts.join("/")}`);
  const node = fc.constantFrom("n1", "n2");

  test("the same path in the same claim is the same place, wherever it is mounted", () => {
    fc.assert(
      fc.property(path, path, path, node, node, (one, other, inside, nodeOne, nodeOther) => {
        const at = (name: string, mountPath: string, on: string): Place | undefined => {
          const volumeMounts = [{ name: "v", mountPath }];
          const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "c" } }];
          const of = pod({
            name,
            uid: `uid of ${name}`,
            node: on,
            volumes,
            containers: [{ name: "main", volumeMounts }],
          });
          return where(of, `${mountPath}/${inside}`);
        };
        expect(at("x", one, nodeOne)).toEqual(at("y", other, nodeOther));
      }),
    );
  });

  test("a subPath is the same place as the path in the volume", () => {
    fc.assert(
      fc.property(path, segment, path, (mountPath, subPath, inside) => {
        const volumes = [{ name: "v", hostPath: { path: "/srv" } }];
        const at = (mount: VolumeMount, full: string): Place | undefined =>
          where(pod({ volumes, containers: [{ name: "main", volumeMounts: [mount] }] }), full);
        expect(at({ name: "v", mountPath, subPath }, `${mountPath}/${inside}`)).toEqual(
          at({ name: "v", mountPath }, `${mountPath}/${subPath}/${inside}`),
        );
      }),
    );
  });

  test("different claims, different nodes' folders and different pods' volumes are never the same place", () => {
    const source = fc.oneof(
      fc.record({ claim: fc.constantFrom("c", "d") }),
      fc.record({ folder: path, on: node }),
      fc.record({ emptyDirOf: fc.constantFrom("x", "y") }),
    );
    fc.assert(
      fc.property(source, source, path, (one, other, inside) => {
        const at = (given: typeof one): Place | undefined => {
          const volumeMounts = [{ name: "v", mountPath: "/m" }];
          const name = "emptyDirOf" in given ? given.emptyDirOf : "z";
          const volume =
            "claim" in given
              ? { persistentVolumeClaim: { claimName: given.claim } }
              : "folder" in given
                ? { hostPath: { path: given.folder } }
                : { emptyDir: {} };
          const volumes = [{ name: "v", ...volume }];
          const on = "on" in given ? { node: given.on } : {};
          return where(
            pod({ name, uid: name, ...on, volumes, containers: [{ name: "main", volumeMounts }] }),
            `/m/${inside}`,
          );
        };
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        const places = [at(one), at(other)].map((place) => JSON.stringify(place));
        expect(places[0] === places[1]).toBe(isSame);
      }),
    );
  });
});
