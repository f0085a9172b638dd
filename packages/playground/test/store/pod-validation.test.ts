import { expect, test } from "vitest";
import { podProblems } from "../../src/store/pod-validation.ts";

interface Parts {
  readonly volume?: Record<string, unknown>;
  readonly mount?: Record<string, unknown>;
}

/** A pod with one volume, whose fields a test replaces. */
function spec({ volume, mount }: Parts): Record<string, unknown> {
  const volumeMounts = [{ name: "code", mountPath: "/app/src", ...mount }];
  return { containers: [{ name: "main", volumeMounts }], volumes: [{ name: "code", emptyDir: {}, ...volume }] };
}

test("a pod with a volume is valid", () => {
  expect(podProblems("spec", spec({}))).toEqual([]);
});

test.each<[string, Parts, string, RegExp]>([
  ["a volume whose name leads up", { volume: { name: "../../x" } }, "spec.volumes[0].name", /RFC 1123 label/],
  ["a volume without a name", { volume: { name: "" } }, "spec.volumes[0].name", /^Required value/],
  [
    "a claim whose name leads up",
    { volume: { persistentVolumeClaim: { claimName: "../../.." } } },
    "spec.volumes[0].persistentVolumeClaim.claimName",
    /RFC 1123 subdomain/,
  ],
  [
    "a folder of the node that leads up",
    { volume: { hostPath: { path: "/a/../../b" } } },
    "spec.volumes[0].hostPath.path",
    /must not contain '\.\.'/,
  ],
  [
    "a file of a ConfigMap that leads up",
    { volume: { configMap: { name: "c", items: [{ key: "k", path: "../k" }] } } },
    "spec.volumes[0].configMap.items[0].path",
    /must not contain '\.\.'/,
  ],
  [
    "an absolute folder of a volume",
    { mount: { subPath: "/etc" } },
    "spec.containers[0].volumeMounts[0].subPath",
    /must be a relative path/,
  ],
  [
    "a folder of a volume that leads up",
    { mount: { subPath: "a/../../b" } },
    "spec.containers[0].volumeMounts[0].subPath",
    /must not contain '\.\.'/,
  ],
  [
    "a mount of an unknown volume",
    { mount: { name: "other" } },
    "spec.containers[0].volumeMounts[0].name",
    /Not found/,
  ],
  ["a mount without a path", { mount: { mountPath: "" } }, "spec.containers[0].volumeMounts[0].mountPath", /Required/],
])("%s is refused", (_what, parts, field, message) => {
  const causes = podProblems("spec", spec(parts));
  expect(causes).toContainEqual(
    expect.objectContaining({ field, message: expect.stringMatching(message) as string }) as object,
  );
});

test("a mount of a volume that the controller adds is valid", () => {
  const containers = [{ name: "main", volumeMounts: [{ name: "data", mountPath: "/data" }] }];
  expect(podProblems("spec", { containers }, ["data"])).toEqual([]);
});

test("two mounts at one path and two volumes with one name are refused", () => {
  const mount = { name: "code", mountPath: "/app" };
  const volume = { name: "code", emptyDir: {} };
  const causes = podProblems("spec", {
    containers: [{ name: "main", volumeMounts: [mount, mount] }],
    volumes: [volume, volume],
  });
  expect(causes.map(({ field, reason }) => [field, reason])).toEqual([
    ["spec.volumes[1].name", "FieldValueDuplicate"],
    ["spec.containers[0].volumeMounts[1].mountPath", "FieldValueInvalid"],
  ]);
});
