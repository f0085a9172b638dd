import { expect, test } from "vitest";
import { createWorkplace } from "../support/run.ts";

const CONFIG = `
import { defineKind } from "@kinsync/core/contract";

const fleet = defineKind({
  name: "fleet",
  root: { group: "acme.dev", version: "v2", versions: ["v1"], kind: "Fleet", plural: "fleets", shortNames: ["fl"] },
  watches: () => ({ watches: [{ resource: { group: "batch", version: "v1", kind: "Job", plural: "jobs" }, delegate: true }] }),
  judge: () => ({ pod: () => ({ state: "current", reason: { code: "x", message: "x" } }) }),
  roles: () => ["blue", "green"],
});
export default { kinds: [fleet], workloads: [{ workload: "fleet/x", sync: [{ from: "src", to: "/app" }] }] };
`;

test("kinds lists each kind with its names, what it reads and what its members have", async () => {
  await using place = await createWorkplace();
  const { code, stdout } = await place.run(["kinds"]);
  expect(code).toBe(0);
  const [head, ...lines] = stdout.split("\n");
  expect(head).toMatch(/^KIND +VERSION +NAMES +READS +MEMBERS$/);
  expect(lines.find((line) => line.startsWith("LeaderWorkerSet "))).toMatch(
    /^LeaderWorkerSet +leaderworkerset\.x-k8s\.io\/v1 +lws, leaderworkersets +statefulsets\.apps +role: leader or worker; index: GROUP\/WORKER/,
  );
  expect(stdout).toContain("jobs.batch (optional)");
  expect(stdout).toContain("A workload of any other kind works, too");
});

test("kinds of the config are listed with the built-in ones, as JSON with the rules of a Role", async () => {
  await using place = await createWorkplace({
    "package.json": '{ "type": "module" }',
    "src/a.txt": "a",
    "kinsync.config.mjs": CONFIG,
  });
  const { code, stdout } = await place.run(["kinds", "-o", "json"]);
  expect(code).toBe(0);
  const { kinds } = JSON.parse(stdout) as { readonly kinds: readonly { readonly name: string }[] };
  expect(kinds.find(({ name }) => name === "fleet")).toEqual({
    name: "fleet",
    origin: "config",
    group: "acme.dev",
    versions: ["v2", "v1"],
    kind: "Fleet",
    plural: "fleets",
    shortNames: ["fl"],
    roles: ["blue", "green"],
    members: "role: blue, green",
    reads: [{ resource: "jobs.batch", optional: false, delegated: true }],
    rbac: [
      { apiGroups: ["acme.dev"], resources: ["fleets"], verbs: ["get", "list", "watch"], optional: false },
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"], optional: false },
      { apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list", "watch"], optional: false },
    ],
  });
  expect(kinds.find(({ name }) => name === "cronjob")).toMatchObject({ origin: "built-in" });
});

const RULES = `
name: studio
root: { group: example.com, version: v1, kind: Studio }
rules:
  - { if: labels.revision != root.status.revision, state: superseded, code: revision-behind }
  - { state: current, code: at-revision }
`;
const OBJECTS = `
apiVersion: example.com/v1
kind: Studio
metadata: { name: s, namespace: default, uid: s }
status: { revision: b }
---
apiVersion: v1
kind: Pod
metadata:
  name: old
  namespace: default
  uid: old
  labels: { revision: a }
  ownerReferences: [{ apiVersion: example.com/v1, kind: Studio, name: s, uid: s, controller: true }]
spec: { containers: [{ name: main }] }
`;

test("kinds test checks rules against their cases, and names what differs", async () => {
  await using place = await createWorkplace({
    "kinds/studio.kind.yaml": RULES,
    "kinds/fixtures/an-older-revision/objects.yaml": OBJECTS,
    "kinds/fixtures/an-older-revision/expected.yaml":
      "members: [{ pod: old, state: superseded, reason: revision-behind }]\n",
  });
  const passed = await place.run(["kinds", "test", "kinds"]);
  expect(passed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+ passed, 0 failed\n$/) as string });

  await place.write(
    "kinds/fixtures/an-older-revision/expected.yaml",
    "members: [{ pod: old, state: current, reason: x }]\n",
  );
  const failed = await place.run(["kinds", "test", "kinds"]);
  expect(failed.code).toBe(2);
  expect(failed.stdout).toContain("failed  studio: an older revision: members are as expected");
  expect(failed.stdout).toMatch(/\d+ passed, 1 failed\n$/);
});

test("kinds test refuses a folder without rules or without cases", async () => {
  await using place = await createWorkplace({ "kinds/studio.kind.yaml": RULES, "empty/keep": "" });
  const none = await place.run(["kinds", "test", "empty"]);
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("has no file of rules: NAME.kind.yaml");
  const missing = await place.run(["kinds", "test", "nowhere"]);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toMatch(/KINSYNC_USAGE: .*nowhere cannot be read: no such file or directory\n/);
  const noCases = await place.run(["kinds", "test", "kinds"]);
  expect(noCases.code).toBe(2);
  expect(noCases.stderr).toContain("studio has no cases in");
});
