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
