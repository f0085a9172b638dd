import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, deployment, podSpec, statefulSet } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { grantPrintedRoles } from "../harness/printed-roles.ts";
import { situation } from "../harness/situation.ts";

/** Counts as fast as the shell does, up to a number, and then once in 0.2 s. */
const COUNTING =
  "trap 'exit 0' TERM; n=0; while [ $n -lt 2000 ]; do n=$((n+1)); echo line $n; done; while :; do n=$((n+1)); echo line $n; sleep 0.2; done";

/** Texts of the lines of one pod. */
function linesOf(kinsync: KinsyncProcess, pod: string): readonly string[] {
  return kinsync.events.flatMap((event) => (event.event === "log" && event.pod === pod ? [event.text ?? ""] : []));
}

/** Without a gap, without a doubled line, in order. */
function expectCounted(lines: readonly string[], from = 1): void {
  expect(lines).toEqual(lines.map((_, at) => `line ${from + at}`));
}

async function counting(fixture: Fixture, replicas: number): Promise<readonly Pod[]> {
  await fixture.create(statefulSet("db", replicas, podSpec(container(fixture.cluster.image, COUNTING))));
  const pods = await fixture.running(replicas);
  await grantPrintedRoles(fixture, "sts/db", "--logs");
  return pods;
}

situation("logs of two pods are whole and in order, and end with 0", { timeout: 180_000 }, async (fixture) => {
  const pods = await counting(fixture, 2);
  await fixture.until("the pods have written", async () =>
    (await fixture.kubectl.run(["logs", "db-1", "--tail", "1"])).includes("line 2"),
  );
  const kinsync = fixture.start(["logs", "sts/db", "-o", "json"]);
  expect(await kinsync.ended).toMatchObject({ code: 0, stderr: "" });
  for (const { metadata } of pods) {
    const lines = linesOf(kinsync, metadata.name);
    expect(lines.length).toBeGreaterThan(100);
    expectCounted(lines);
  }
  const tail = fixture.start(["logs", "sts/db", "--tail", "3", "-o", "json"]);
  expect((await tail.ended).code).toBe(0);
  expect(linesOf(tail, "db-0")).toHaveLength(3);
});

situation("followed logs go on in a restarted container", { timeout: 240_000 }, async (fixture) => {
  await counting(fixture, 1);
  const kinsync = fixture.start(["logs", "sts/db", "-f", "-o", "json"]);
  await fixture.until("the first run is followed", () => linesOf(kinsync, "db-0").includes("line 2003"));
  // TERM to its first process: the shell ends, and the kubelet starts the container again.
  // The container may end before the answer of the command.
  await fixture.kubectl.run(["exec", "db-0", "--", "kill", "1"]).catch(() => "");
  const isAnew = (): boolean => linesOf(kinsync, "db-0").filter((line) => line === "line 2003").length === 2;
  await fixture.until("the second run is followed", isAnew, { timeout: 120_000 });
  const lines = linesOf(kinsync, "db-0");
  const second = lines.lastIndexOf("line 1");
  expectCounted(lines.slice(0, second));
  expectCounted(lines.slice(second));
  expect(kinsync.events.filter(({ event }) => event === "log-note").map(({ code }) => code)).toEqual(["restarted"]);
});

situation("followed logs have a pod that a roll-out starts", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(deployment("web", 1, podSpec(container(cluster.image, COUNTING))));
  const [old] = await fixture.running(1);
  await grantPrintedRoles(fixture, "deploy/web", "--logs");
  const kinsync = fixture.start(["logs", "deploy/web", "-f", "--tail", "1", "-o", "json"]);
  await fixture.until("the old pod is followed", () => linesOf(kinsync, old?.metadata.name ?? "").length > 1);
  await kubectl.run(["set", "env", "deploy/web", "VERSION=2"]);
  const joined = await kinsync.until(
    "a new pod joined",
    ({ event, code }) => event === "log-note" && code === "joined",
    {
      timeout: 120_000,
    },
  );
  expect(joined.pod).not.toBe(old?.metadata.name);
  const newLines = (): readonly string[] => linesOf(kinsync, joined.pod ?? "");
  await fixture.until("the new pod is followed", () => newLines().includes("line 2003"), { timeout: 60_000 });
  expectCounted(newLines());
  // Of the old one, no line is doubled: it began with its last line at that moment.
  const lines = linesOf(kinsync, old?.metadata.name ?? "");
  expectCounted(lines, Number(/\d+/.exec(lines[0] ?? "")?.[0]));
});
