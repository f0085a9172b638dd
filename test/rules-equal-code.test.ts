import { existsSync, readFileSync } from "node:fs";
import type { KindPlugin, KubeObject } from "@kinsync/core/contract";
import { loadRulesFile } from "@kinsync/core/config";
import {
  eventsOf,
  historyConformance,
  judgeObjects,
  kindConformance,
  loadHistories,
  loadKindCases,
  reorderHistory,
  replayHistory,
} from "@kinsync/core/testing";
import type { JudgedObjects } from "@kinsync/core/testing";
import { daemonset } from "@kinsync/kind-daemonset";
import { deployment } from "@kinsync/kind-deployment";
import { job } from "@kinsync/kind-job";
import { jobset } from "@kinsync/kind-jobset";
import { pytorchjob, trainjob } from "@kinsync/kind-kubeflow";
import { leaderworkerset } from "@kinsync/kind-leaderworkerset";
import { raycluster, rayjob, rayservice } from "@kinsync/kind-ray";
import { rollout } from "@kinsync/kind-rollout";
import { statefulset } from "@kinsync/kind-statefulset";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { perturb, type Random } from "./support/perturb.ts";

/** A kind in code and as rules, and the kinds that judge its children in either form. */
interface Pair {
  readonly code: KindPlugin;
  readonly folder: string;
  readonly children?: readonly (() => KindPlugin)[];
}

const PAIRS: readonly Pair[] = [
  { code: jobset(), folder: "kind-jobset" },
  { code: deployment(), folder: "kind-deployment" },
  { code: statefulset(), folder: "kind-statefulset" },
  { code: daemonset(), folder: "kind-daemonset" },
  { code: leaderworkerset(), folder: "kind-leaderworkerset" },
  { code: raycluster(), folder: "kind-ray" },
  { code: rayjob(), folder: "kind-ray", children: [raycluster, job] },
  { code: rayservice(), folder: "kind-ray", children: [raycluster, job] },
  { code: rollout(), folder: "kind-rollout" },
  { code: trainjob(), folder: "kind-kubeflow", children: [jobset] },
  { code: pytorchjob(), folder: "kind-kubeflow" },
];

/** Random states of each fixture, and random orders of each recorded history. */
const STATES = Number(process.env["KINSYNC_RULE_STATES"] ?? 60);
const ORDERS = Number(process.env["KINSYNC_RULE_ORDERS"] ?? 4);
/** Time limits grow with the numbers above; a loaded machine is slow. */
const LIMIT_MS = 60_000;
const STATE_LIMIT_MS = 20;
const ORDER_LIMIT_MS = 10_000;

async function rulesOf(name: string): Promise<KindPlugin | undefined> {
  const path = new URL(`../examples/rules/${name}.kind.yaml`, import.meta.url).pathname;
  return existsSync(path) ? (await loadRulesFile(path)).plugin : undefined;
}

/** What two forms of a kind must agree on. Messages and evidence are the author's. */
function answersOf({ members, notes, roles }: JudgedObjects): object {
  return {
    members: members.map(({ pod, by, verdict: { state, role, index, labels = {}, reason } }) => ({
      pod: pod.metadata.uid,
      by,
      state,
      role,
      index,
      labels,
      code: reason.code,
    })),
    notes: notes.map(({ code }) => code),
    roles,
  };
}

for (const { code, folder, children = [] } of PAIRS) {
  const rules = await rulesOf(code.name);
  if (rules === undefined) throw new Error(`examples/rules/${code.name}.kind.yaml is missing`);
  const ofCode = children.map((child) => child());
  // Rules all the way down, where the child exists as rules.
  const ofRules = await Promise.all(ofCode.map(async (child) => (await rulesOf(child.name)) ?? child));
  const packageUrl = new URL(`../packages/${folder}/test/`, import.meta.url);
  const own = new URL(`fixtures/${code.name}/`, packageUrl);
  const cases = loadKindCases(existsSync(own) ? own : new URL("fixtures/", packageUrl));

  describe(`${code.name} as rules`, () => {
    kindConformance(rules, cases, { test, kinds: ofRules });

    const limit = { timeout: LIMIT_MS + cases.length * STATES * STATE_LIMIT_MS };
    test(`random states of ${cases.length} cases get the answers of the code`, limit, () => {
      for (const [index, one] of cases.entries()) {
        const random = seeded(index + 1);
        for (let turn = 0; turn < STATES; turn += 1) {
          const [root, ...objects] = perturb([one.root, ...one.objects], random) as [KubeObject, ...KubeObject[]];
          const { watches, refers = [] } = code.watches(root);
          const optional = [...watches, ...refers].map(({ resource: { plural, group } }) => `${plural}.${group}`);
          const missing = { missing: (one.missing ?? []).filter((name) => optional.includes(name)) };
          const expected = judgeObjects(code, root, objects, { kinds: ofCode, ...missing });
          const found = judgeObjects(rules, root, objects, { kinds: ofRules, ...missing });
          expect(answersOf(found), `case ${one.name}, seed ${index + 1}, turn ${turn}`).toEqual(answersOf(expected));
        }
      }
    });

    test("the watch plan is that of the code, but for what it leaves out of objects", () => {
      for (const { root } of cases) {
        const plan = rules.watches(root);
        const expected = code.watches(root);
        expect(plan.pods).toEqual(expected.pods);
        expect(plan.refers ?? []).toEqual(expected.refers ?? []);
        const withoutProject = expected.watches.map(({ project: _project, resource, ...watch }) => ({
          ...watch,
          resource: `${resource.group}/${resource.version}/${resource.plural}`,
        }));
        expect(
          plan.watches.map(({ resource, ...watch }) => ({
            ...watch,
            resource: `${resource.group}/${resource.version}/${resource.plural}`,
          })),
        ).toEqual(withoutProject);
      }
    });

    const isFamily = existsSync(own);
    const histories = new URL(isFamily ? `histories/${code.name}/` : "histories/", packageUrl);
    if (!existsSync(histories)) return;
    const recorded = loadHistories(histories);
    historyConformance(
      rules,
      recorded.map((history) => ({ ...history, transcript: undefined })),
      { test, kinds: ofRules, orders: ORDERS },
    );
    const inTime = { timeout: LIMIT_MS + ORDERS * ORDER_LIMIT_MS };
    for (const history of recorded) {
      test(`at each moment of ${history.name} the answers are those of the code, in any order`, inTime, () => {
        for (let order = 0; order <= ORDERS; order += 1) {
          const lines = order === 0 ? history.lines : reorderHistory(history.lines, seeded(order), { loss: 0.2 });
          const events = [...eventsOf({ ...history, lines })];
          const expected = replayHistory(code, events, { kinds: ofCode });
          for (const { event, judged } of replayHistory(rules, events, { kinds: ofRules })) {
            const next = expected.next();
            if (next.done === true) throw new Error("the code has fewer moments");
            const both = [judged, next.value.judged].map((each) => (each === undefined ? undefined : answersOf(each)));
            expect(both[0], `order ${order}, at ${event.at}`).toEqual(both[1]);
          }
        }
      });
    }
  });
}

test("the nine lines of rules of a CRD with two Deployments and a Job are in the guide", () => {
  const text = readFileSync(new URL("../examples/rules/studio.kind.yaml", import.meta.url), "utf8");
  expect(text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#")).length).toBeLessThanOrEqual(9);
  expect(Object.keys(parse(text) as object)).toEqual(["name", "root", "children"]);
});

/** mulberry32. */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
