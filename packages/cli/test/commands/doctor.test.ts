import { afterAll, beforeAll, expect, test } from "vitest";
import { createPlayground, podManifest, untilRunning } from "../support/playground.ts";
import { TestCluster } from "../support/cluster.ts";
import { createWorkplace } from "../support/run.ts";

interface Finding {
  readonly area: string;
  readonly status: string;
  readonly message: string;
  readonly hint?: string;
}

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
  const volumes = [{ name: "data", emptyDir: {} }];
  cluster.playground.apply(
    podManifest({
      name: "readonly",
      container: { volumeMounts: [{ name: "data", mountPath: "/app/data", readOnly: true }] },
      spec: { volumes },
    }),
  );
  await untilRunning(cluster.playground, "readonly");
});

const confined = await isConfined();

async function isConfined(): Promise<boolean> {
  await using probe = await createPlayground();
  return (await probe.kubelet.confinement).kind === "confined";
}

afterAll(() => cluster[Symbol.asyncDispose]());

async function findingsOf(
  line: string,
): Promise<{ readonly code: number | null; readonly findings: readonly Finding[] }> {
  const { code, stdout } = await cluster.run(`${line} -o json`);
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] };
  return { code, findings };
}

function failures(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ status }) => status === "fail");
}

test("a pod that can be synced passes every check, and nothing is written to it", async () => {
  const { code, findings } = await findingsOf("doctor pod/app --sync src:/app/src");
  expect(failures(findings)).toEqual([]);
  expect(code).toBe(0);
  const areas = new Set(findings.map(({ area }) => area));
  for (const area of ["config", "server", "clock", "rights", "local files", "workload", "agent", "writable"]) {
    expect(areas).toContain(area);
  }
  expect(findings.find(({ area }) => area === "writable")?.message).toBe("pod/app [main]: /app/src");
  const tree = await cluster.run("plan pod/app --sync src:/app/src");
  expect(tree.stdout).toContain("+ /app/src/main.py");
});

test("as text each line has its status, and the last line counts them", async () => {
  const { code, stdout } = await cluster.run("doctor pod/app --sync src:/app/src");
  expect(stdout).toMatch(/^ok {4}server: context .*, Kubernetes v/m);
  expect(stdout).toMatch(/\n\d+ ok, \d+ warnings?, 0 failures\n$/);
  expect(code).toBe(0);
});

test("a missing right to exec fails with the permission and the next step", async () => {
  using _denied = cluster.playground.faults.deny({ resource: "pods", subresource: "exec" });
  const { code, findings } = await findingsOf("doctor pod/app --sync src:/app/src");
  expect(failures(findings)).toContainEqual({
    area: "rights",
    status: "fail",
    message: "get, create on pods/exec in default is not allowed",
    hint: "`kinsync rbac` prints the Role to request.",
  });
  expect(code).toBe(5);
});

test("a missing right to watch is a warning", async () => {
  using _denied = cluster.playground.faults.deny({ verb: "watch" });
  const { code, findings } = await findingsOf("doctor pod/app --sync src:/app/src");
  expect(findings).toContainEqual(
    expect.objectContaining({ area: "rights", status: "warn", message: expect.stringContaining("watch on pods") }),
  );
  expect(code).toBe(0);
});

test("missing rights for logs and ports are named with what needs them, and are no failure of a sync", async () => {
  using _log = cluster.playground.faults.deny({ resource: "pods", subresource: "log" });
  using _forward = cluster.playground.faults.deny({ resource: "pods", subresource: "portforward" });
  const inline = await findingsOf("doctor pod/app --sync src:/app/src");
  expect(inline.code).toBe(0);
  expect(inline.findings).toContainEqual({
    area: "rights",
    status: "ok",
    message:
      "get on pods/log in default is not allowed: it is for `kinsync logs` and `up --logs`, and a sync does not need it",
  });
  expect(inline.findings).toContainEqual({
    area: "rights",
    status: "ok",
    message:
      "get, create on pods/portforward in default is not allowed: it is for `kinsync forward`, and a sync does not need it",
  });
  await cluster.place.write(
    "ports.json",
    JSON.stringify({
      workloads: [{ workload: "pod/app", sync: [{ from: "src", to: "src" }], forward: [{ port: 8080 }] }],
    }),
  );
  const configured = await findingsOf("doctor --config ports.json");
  expect(configured.code).toBe(0);
  expect(configured.findings).toContainEqual({
    area: "rights",
    status: "warn",
    message:
      "get, create on pods/portforward in default is not allowed: it is for `forward` of the config, and a sync does not need it",
    hint: "`kinsync rbac` prints the Role to request.",
  });
});

test.runIf(confined)("a volume that is mounted read-only fails", async () => {
  const { code, findings } = await findingsOf("doctor pod/readonly --sync src:/app/data");
  expect(failures(findings)).toEqual([
    expect.objectContaining({ area: "writable", message: expect.stringContaining("cannot write /app/data") }),
  ]);
  expect(code).toBe(3);
});

test.runIf(confined)("a read-only root file system fails, also for the root user", async () => {
  cluster.playground.apply(
    podManifest({ name: "sealed", container: { securityContext: { readOnlyRootFilesystem: true } } }),
  );
  await untilRunning(cluster.playground, "sealed");
  const { code, findings } = await findingsOf("doctor pod/sealed --sync src:/opt/src");
  expect(failures(findings)).toEqual([expect.objectContaining({ area: "writable" })]);
  expect(code).toBe(3);
});

test.each<[situation: string, line: string, area: string, message: RegExp, code: number]>([
  ["a local path that does not exist", "doctor pod/app --sync scr:/app/src", "config", /KINSYNC_SOURCE_MISSING/, 2],
  ["a workload that does not exist", "doctor pod/ap --sync src:/app/src", "cluster", /KINSYNC_RESOLVE_WORKLOAD/, 2],
])("%s fails", async (_situation, line, area, message, code) => {
  const ran = await findingsOf(line);
  expect(failures(ran.findings)).toEqual([expect.objectContaining({ area, message: expect.stringMatching(message) })]);
  expect(ran.code).toBe(code);
});

test("a cluster that cannot be reached fails with exit code 5", async () => {
  await using place = await createWorkplace({
    "src/a.txt": "1",
    kubeconfig: `
current-context: kind-test
contexts: [{ name: kind-test, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: "http://127.0.0.1:1" } }]
users: [{ name: u, user: {} }]
`,
  });
  const { code, stdout } = await place.run(["doctor", "pod/x", "--sync", "src:/app/src"], {
    env: { KUBECONFIG: `${place.path}/kubeconfig` },
  });
  expect(stdout).toMatch(/^fail {2}cluster: KINSYNC_CLUSTER_UNREACHABLE: /m);
  expect(code).toBe(5);
});
