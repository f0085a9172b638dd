import { expect } from "vitest";
import { allow } from "../harness/allow.ts";
import type { Fixture } from "../harness/fixture.ts";
import { container, gateMap, pod, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { openGate } from "../harness/pod-triggers.ts";
import { isOneOf, isRunning, states } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";
import { changeStudio, createStudio, ofPart, serveStudios } from "../harness/studio.ts";

const STUDIO = "studio/main";
const WEB = ofPart("main", "web");

/** `src` for all members, `pages` for those of one role. */
const CONFIG = `workloads:
  - workload: ${STUDIO}
    sync: [{ from: src, to: /app/src }, { from: pages, to: /app/pages, roles: [web] }]
`;

const NEEDS = ["crds"] as const;

situation("rules serve a CRD in a rollout of one of its Deployments", { needs: NEEDS }, async (fixture) => {
  const { kubectl, project } = fixture;
  const { api, web, seed, foreign } = await twoStudios(fixture);
  const others = [...api, ...seed];
  await project.writeAll({ "kinsync.config.yaml": CONFIG, "src/f.txt": "one\n", "pages/index.html": "<p>\n" });
  const kinsync = fixture.start(["up", "-o", "json"]);
  expect(await kinsync.ready()).toMatchObject({ members: 6, targets: 6, synced: 6 });
  await fixture.save(kinsync, "f.txt", "two\n", [...others, ...web]);
  await fixture.expectMembers(STUDIO, states([...others, ...web], "current"));
  expect(await roles(fixture)).toEqual({ api: 2, seed: 1, web: 3 });
  for (const each of web) expect(await fixture.list(each, "/app/pages")).toEqual({ "index.html": "file: <p>\n" });
  for (const each of others) expect(await fixture.list(each, "/app/pages")).toBeUndefined();

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await changeStudio(fixture, "main", { web: "2" });
  const second = await newPods(fixture, web, 2);
  await fixture.untilSame(second);
  await fixture.expectMembers(STUDIO, {
    ...states(others, "current"),
    ...states(web, "superseded"),
    ...states(second, "current"),
  });
  const since = kinsync.mark();
  await fixture.save(kinsync, "f.txt", "three\n", [...others, ...second]);
  for (const each of web) expect(await fixture.list(each)).toEqual({ "f.txt": "file: two\n" });
  expect(kinsync.syncedAmong(web, since)).toEqual([]);

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, second);
  const last = await rolledOut(fixture, "2");
  await fixture.untilSame(last);
  await fixture.expectMembers(STUDIO, states([...others, ...last], "current"));
  await fixture.save(kinsync, "f.txt", "four\n", [...others, ...last]);
  for (const each of last) expect(await fixture.list(each, "/app/pages")).toEqual({ "index.html": "file: <p>\n" });

  for (const each of foreign) expect(await fixture.list(each)).toEqual({ "f.txt": "file: old\n" });
  expect(kinsync.syncedAmong(foreign, 0)).toEqual([]);
});

situation("rules serve a CRD in a rollback of one of its Deployments", { needs: NEEDS }, async (fixture) => {
  const { kubectl, project } = fixture;
  const { api, seed, foreign } = await twoStudios(fixture);
  const others = [...api, ...seed];
  await changeStudio(fixture, "main", { web: "2" });
  const second = await rolledOut(fixture, "2");
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await changeStudio(fixture, "main", { web: "1" });
  const first = await newPods(fixture, second, 2);

  await project.writeAll({ "kinsync.config.yaml": CONFIG, "src/f.txt": "one\n", "pages/index.html": "<p>\n" });
  const kinsync = fixture.start(["up", "-o", "json"]);
  expect(await kinsync.ready()).toMatchObject({ members: 8, targets: 5, synced: 5 });
  await fixture.save(kinsync, "f.txt", "two\n", [...others, ...first]);
  await fixture.expectMembers(STUDIO, {
    ...states(others, "current"),
    ...states(second, "superseded"),
    ...states(first, "current"),
  });
  for (const each of [...second, ...foreign]) expect(await fixture.list(each)).toEqual({ "f.txt": "file: old\n" });

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, first);
  const last = await rolledOut(fixture, "1");
  await fixture.untilSame(last);
  await fixture.expectMembers(STUDIO, states([...others, ...last], "current"));
  await fixture.save(kinsync, "f.txt", "three\n", [...others, ...last]);
});

interface Studios {
  readonly api: readonly Pod[];
  readonly web: readonly Pod[];
  readonly seed: readonly Pod[];
  /** Pods with the labels of members that the Studio does not own: of another Studio, and of nobody. */
  readonly foreign: readonly Pod[];
}

/** Two Studios whose pods run, and a pod with the labels of one of them; kinsync may sync the first one. */
async function twoStudios(fixture: Fixture): Promise<Studios> {
  await serveStudios(fixture);
  await fixture.create(gateMap("open"));
  await createStudio(fixture, "main", { api: "1", web: "1" });
  await createStudio(fixture, "other", { api: "1", web: "1" });
  await fixture.create(pod("stray", podSpec(container(fixture.cluster.image)), { app: "main-web", part: "web" }));
  await allow(fixture, STUDIO);
  const web = await rolledOut(fixture, "1");
  const api = await fixture.running(2, ofPart("main", "api"));
  const seed = await fixture.running(1, ofPart("main", "seed"));
  const stray = await fixture.until("the stray pod runs", async () => {
    const pods = (await fixture.kubectl.pods(WEB)).filter(isStray);
    return pods.length === 1 && pods.every((each) => isRunning(each)) && pods;
  });
  const foreign = [
    ...(await fixture.running(2, ofPart("other", "api"))),
    ...(await fixture.running(3, ofPart("other", "web"))),
    ...(await fixture.running(1, ofPart("other", "seed"))),
    ...stray,
  ];
  return { api, web, seed, foreign };
}

function isStray({ metadata }: Pod): boolean {
  return metadata.name === "stray";
}

/** The web pods of the first Studio. */
async function webPods(fixture: Fixture): Promise<readonly Pod[]> {
  return (await fixture.kubectl.pods(WEB)).filter((each) => !isStray(each));
}

function versionOf({ spec }: Pod): string {
  return spec.containers[0]?.env?.find(({ name }) => name === "VERSION")?.value ?? "";
}

function rolledOut(fixture: Fixture, version: string): Promise<readonly Pod[]> {
  return fixture.until(`exactly 3 web pods exist, of version ${version}`, async () => {
    const pods = await webPods(fixture);
    return pods.length === 3 && pods.every((each) => isRunning(each) && versionOf(each) === version) && pods;
  });
}

/** Waits until this number of new web pods runs beside all old ones. @returns the new pods */
function newPods(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return fixture.until(`${count} new web pods run`, async () => {
    const pods = (await webPods(fixture)).filter((each) => isRunning(each));
    const fresh = pods.filter((each) => !isOneOf(old)(each));
    return fresh.length === count && pods.length === old.length + count && fresh;
  });
}

/** Number of members of each role. */
async function roles(fixture: Fixture): Promise<Readonly<Record<string, number>>> {
  const { members } = await fixture.tree(STUDIO);
  const counts: Record<string, number> = {};
  for (const { role = "" } of members) counts[role] = (counts[role] ?? 0) + 1;
  return counts;
}
