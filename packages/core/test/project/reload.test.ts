import { rm } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import type { EngineEvent } from "../../src/engine/events.ts";
import type { Project, ReloadReport } from "../../src/project/index.ts";
import { JOBS, object, ownerReference, pod, TEAMS } from "../support/objects.ts";
import { createFixture, type Fixture } from "./support/fixture.ts";

const SYNC = "sync: [{ from: src, to: /app }]";
const BOTH = `workloads:\n  - { workload: team/train, ${SYNC} }\n  - { workload: team/serve, ${SYNC} }\n`;

const WAIT = { timeout: 10_000 };

/** A running `up`, and what it reports about its config. */
class Run {
  readonly events: EngineEvent[] = [];
  readonly reports: ReloadReport[] = [];
  readonly named: string[][] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;

  constructor(project: Project) {
    this.#ended = project.up({
      signal: this.#stop.signal,
      onEvent: (event) => this.events.push(event),
      onWorkloads: (workloads) => this.named.push(workloads.map(({ name }) => name)),
      onReload: (report) => this.reports.push(report),
    });
  }

  async untilReady(workload: string): Promise<void> {
    await vi.waitUntil(() => this.events.some((each) => each.event === "ready" && each.workload === workload), WAIT);
  }

  async report(number: number): Promise<ReloadReport | undefined> {
    await vi.waitUntil(() => this.reports.length >= number, WAIT);
    return this.reports[number - 1];
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

async function start(fixture: Fixture, text: string): Promise<Run> {
  await fixture.folder.write("kinsync.config.yaml", text);
  const run = new Run(await fixture.open());
  await run.untilReady("team/train");
  return run;
}

test("a changed mapping restarts its workload only, and one line says so", async () => {
  await using fixture = await createFixture({ "lib/a.py": "" });
  const run = await start(fixture, BOTH);
  await run.untilReady("team/serve");
  const before = run.events.length;
  await fixture.folder.write("kinsync.config.yaml", BOTH.replace("from: src", "from: lib"));
  expect(await run.report(1)).toMatchObject({
    message: "kinsync.config.yaml changed: restarted team/train",
    changes: { unchanged: [{ name: "team/serve" }] },
  });
  await expect
    .poll(() => run.events.slice(before).some(({ event }) => event === "synced"), { timeout: 10_000 })
    .toBe(true);
  expect(new Set(run.events.slice(before).map(({ workload }) => workload))).toEqual(new Set(["team/train"]));
  await run.end();
});

test("a change without effect touches no workload", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, BOTH);
  const before = run.events.length;
  await fixture.folder.write("kinsync.config.yaml", `# a comment\n${BOTH}`);
  expect((await run.report(1))?.message).toBe("kinsync.config.yaml changed: no workload is affected");
  expect(run.events.slice(before).filter(({ event }) => event === "synced" || event === "target")).toEqual([]);
  await run.end();
});

test("a broken edit keeps the last good config and says so; the next good one is applied", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, BOTH);
  await fixture.folder.write("kinsync.config.yaml", BOTH.replace("sync:", "snyc:"));
  const broken = await run.report(1);
  expect(broken?.message).toBe(
    "kinsync.config.yaml has an error, so the former config stays in use: " +
      'kinsync.config.yaml:2:29: workloads[0]: the key "snyc" is not known',
  );
  expect(broken?.error?.code).toBe("KINSYNC_CONFIG_INVALID");
  expect(broken?.changes).toBeUndefined();
  await fixture.folder.write("src/main.py", "print(2)\n");
  await expect
    .poll(() => run.events.some((event) => event.event === "snapshot" && event.snapshot === 2), { timeout: 10_000 })
    .toBe(true);
  await fixture.folder.write("kinsync.config.yaml", `workloads: [{ workload: team/train, ${SYNC} }]`);
  expect((await run.report(2))?.message).toBe("kinsync.config.yaml changed: stopped team/serve");
  await run.end();
});

test("a workload that the cluster does not have is an error that changes nothing", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, BOTH);
  await fixture.folder.write("kinsync.config.yaml", `${BOTH}  - { workload: team/missing, ${SYNC} }\n`);
  expect((await run.report(1))?.error?.code).toMatch(/^KINSYNC_RESOLVE_/);
  await run.end();
});

test("a config file that is gone for a while ends nothing", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, BOTH);
  await rm(`${fixture.folder.path}/kinsync.config.yaml`);
  expect((await run.report(1))?.error?.code).toBe("KINSYNC_CONFIG_NOT_FOUND");
  await fixture.folder.write("kinsync.config.yaml", BOTH);
  expect((await run.report(2))?.message).toBe("kinsync.config.yaml changed: no workload is affected");
  await run.end();
});

test("new kinds and another context need a restart, which the line says", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, BOTH);
  await fixture.folder.write("kinsync.config.yaml", `context: other\nkinds: [kinsync-kind-x]\n${BOTH}`);
  expect((await run.report(1))?.message).toMatch(/no workload is affected; restart kinsync to apply `kinds`$/);
  await run.end();
});

test("of two workloads with one name, the line names the namespace of the one that restarted", async () => {
  await using fixture = await createFixture({ "lib/a.py": "" });
  const both = (from: string): string =>
    `workloads:\n  - { workload: team/train, namespace: ml, ${SYNC} }\n  - { workload: team/train, namespace: other, sync: [{ from: ${from}, to: /app }] }\n`;
  const run = await start(fixture, both("src"));
  await fixture.folder.write("kinsync.config.yaml", both("lib"));
  expect((await run.report(1))?.message).toBe("kinsync.config.yaml changed: restarted team/train (other)");
  await run.end();
});

test("all workloads are named before those of a changed config begin", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, `workloads: [{ workload: team/train, ${SYNC} }]`);
  await fixture.folder.write("kinsync.config.yaml", BOTH);
  await run.report(1);
  expect(run.named).toEqual([["team/train", "team/serve"]]);
  await run.end();
});

const RULES = `name: team-by-rules
root: { group: example.com, version: v1alpha1, kind: Team }
watches: [{ group: batch, version: v1, kind: Job }]
rules:
  - { if: labels.role == 'head', state: superseded, code: head-is-old }
  - { state: current, code: alive }
`;
const TEAM_AND_POD = `workloads:
  - { workload: team/train, ${SYNC} }
  - { workload: pod/train-0-a, sync: [{ from: src, to: /other }] }
`;

/** Code of the last verdict on a member of the workload. */
function codeOf(run: Run, workload: string): string | undefined {
  return run.events.filter((each) => each.event === "member").findLast((each) => each.workload === workload)?.code;
}

test("a changed file of rules restarts the workloads that it judges, and no other", async () => {
  await using fixture = await createFixture({ "kinds/team.kind.yaml": RULES });
  const run = await start(fixture, TEAM_AND_POD);
  await run.untilReady("pod/train-0-a");
  expect(codeOf(run, "team/train")).toBe("head-is-old");
  const before = run.events.length;
  await fixture.folder.write("kinds/team.kind.yaml", RULES.replace("'head'", "'none'"));
  expect(await run.report(1)).toMatchObject({
    file: "kinds/team.kind.yaml",
    message: "kinds/team.kind.yaml changed: restarted team/train",
    changes: { unchanged: [{ name: "pod/train-0-a" }] },
  });
  await expect
    .poll(() => run.events.slice(before).some(({ event }) => event === "synced"), { timeout: 10_000 })
    .toBe(true);
  expect(new Set(run.events.slice(before).map(({ workload }) => workload))).toEqual(new Set(["team/train"]));
  await run.end();
});

test("rules with an error keep the former rules in use and say so; the next good ones are applied", async () => {
  await using fixture = await createFixture({ "kinds/team.kind.yaml": RULES });
  const run = await start(fixture, TEAM_AND_POD);
  const before = run.events.length;
  await fixture.folder.write("kinds/team.kind.yaml", RULES.replace("labels.role", "lables.role"));
  const broken = await run.report(1);
  expect(broken?.message).toBe(
    "kinds/team.kind.yaml has an error, so the former rules stay in use: " +
      "kinds/team.kind.yaml:5:11: rules[0].if: lables is not a variable here in `lables.role == 'head'`",
  );
  expect(broken?.error?.code).toBe("KINSYNC_PLUGIN_RULES");
  expect(run.events.slice(before).filter(({ event }) => event === "member" || event === "target")).toEqual([]);
  await fixture.folder.write("kinds/team.kind.yaml", RULES.replace("'head'", "'none'"));
  expect((await run.report(2))?.message).toBe("kinds/team.kind.yaml changed: restarted team/train");
  await run.end();
});

test("a file of rules that appears takes over its workloads, and one that goes gives them back", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, TEAM_AND_POD);
  await fixture.folder.write("kinds/team.kind.yaml", RULES);
  expect((await run.report(1))?.message).toBe(
    "kinds/team.kind.yaml changed: restarted team/train; " +
      "team-by-rules (kinds/team.kind.yaml) replaces the built-in kind team",
  );
  await expect.poll(() => codeOf(run, "team/train"), { timeout: 10_000 }).toBe("head-is-old");
  await rm(`${fixture.folder.path}/kinds/team.kind.yaml`);
  expect((await run.report(2))?.message).toBe("kinds/team.kind.yaml changed: restarted team/train");
  await expect.poll(() => codeOf(run, "team/train"), { timeout: 10_000 }).not.toBe("head-is-old");
  await run.end();
});

test("rules of a child's resource restart the workload whose kind leaves the child to them", async () => {
  const team = `name: team-by-rules
root: { group: example.com, version: v1alpha1, kind: Team }
children: [{ group: batch, version: v1, kind: Job, delegate: true }]
`;
  const job = (code: string): string =>
    `name: job-by-rules\nroot: { group: batch, version: v1, kind: Job }\nrules: [{ state: superseded, code: ${code} }]\n`;
  await using fixture = await createFixture({ "kinds/team.kind.yaml": team, "kinds/job.kind.yaml": job("first") });
  const run = await start(fixture, TEAM_AND_POD);
  await fixture.folder.write("kinds/job.kind.yaml", job("second"));
  expect((await run.report(1))?.message).toBe("kinds/job.kind.yaml changed: restarted team/train");
  await expect.poll(() => codeOf(run, "team/train"), { timeout: 10_000 }).toBe("second");
  await run.end();
});

test("rules that changed before a child needed them judge the child that comes later", async () => {
  const team =
    "root: { group: example.com, version: v1alpha1, kind: Team }\nchildren: [{ group: batch, version: v1, kind: Job, delegate: true }]\n";
  const job = (code: string): string =>
    `name: job-by-rules\nroot: { group: batch, version: v1, kind: Job }\nrules: [{ state: current, code: ${code} }]\n`;
  await using fixture = await createFixture({
    "kinds/team.kind.yaml": `name: team-by-rules\n${team}`,
    "kinds/job.kind.yaml": job("first"),
  });
  const run = await start(fixture, TEAM_AND_POD.replace("pod/train-0-a", "team/serve"));
  await fixture.folder.write("kinds/job.kind.yaml", job("second"));
  expect((await run.report(1))?.changes).toMatchObject({
    restarted: [{ name: "team/train" }],
    unchanged: [{ name: "team/serve" }],
  });
  const serve = ownerReference(object(TEAMS, "serve"));
  const child = object(JOBS, "serve-0", { owners: [serve] });
  fixture.cluster.put(child, pod("serve-0-a", { owners: [ownerReference(child)] }));
  await expect.poll(() => codeOf(run, "team/serve"), { timeout: 10_000 }).toBe("second");
  await run.end();
});

test("rules in the config are applied with it, without a restart of kinsync", async () => {
  await using fixture = await createFixture();
  const run = await start(fixture, TEAM_AND_POD);
  await fixture.folder.write("rules.yaml", RULES);
  await fixture.folder.write("kinsync.config.yaml", `kinds: [{ rules: ./rules.yaml }]\n${TEAM_AND_POD}`);
  expect((await run.report(1))?.message).toMatch(
    /^kinsync\.config\.yaml changed: restarted team\/train; team-by-rules/,
  );
  await fixture.folder.write("rules.yaml", RULES.replace("'head'", "'none'"));
  expect((await run.report(2))?.message).toBe("rules.yaml changed: restarted team/train");
  await run.end();
});
