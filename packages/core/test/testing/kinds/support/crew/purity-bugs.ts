import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { hostname } from "node:os";
import type { KindDefinition, KindView, KubeObject, Verdict } from "@kinsync/core/contract";
import { as, judgeWith, soundCrew, stateOf } from "./crew.ts";
import { readsEnvironment, readsFile, runsProgram } from "./impure-kinds.ts";
import { EXPECTED, type PlantedBug } from "./planted-bug.ts";

const PURITY = "input is not mutated and nothing is remembered";
const OUTSIDE = "no file, socket, process or environment is read";
const SHARED = "cases with the same UIDs get their own answers";
const ISOLATED = "a process without files, network and environment gives the same answers";

/** A kind that does something before it judges, and does not care whether it fails. */
const doing = (act: (view: KindView) => unknown) => (): Partial<KindDefinition> => ({
  judge: (view) => {
    try {
      act(view);
    } catch {
      // As a careless author would.
    }
    return soundCrew.judge(view);
  },
});

/** A kind that gets its verdicts from a memory. */
const remembering = (recall: () => (uid: string, verdict: () => Verdict, view: KindView) => Verdict) => () => {
  const recalled = recall();
  return {
    judge: judgeWith({
      state: (view, owned) => recalled(owned.pod.metadata.uid, () => stateOf(view, owned), view),
    }),
  };
};

const isolated = (exported: string) => ({
  module: new URL("impure-kinds.ts", import.meta.url),
  export: exported,
});

/** Mistakes about memory, time, chance and everything outside of the arguments. */
export const PURITY_BUGS: readonly PlantedBug[] = [
  {
    bug: "a pod is judged once, and its verdict remembered by UID",
    law: SHARED,
    kind: remembering(() => {
      const known = new Map<string, Verdict>();
      return (uid, verdict) => known.get(uid) ?? known.set(uid, verdict()).get(uid) ?? verdict();
    }),
  },
  {
    bug: "a pod that was superseded stays superseded",
    law: SHARED,
    kind: remembering(() => {
      const old = new Set<string>();
      return (uid, judge) => {
        const verdict = judge();
        if (verdict.state === "superseded") old.add(uid);
        return verdict.state === "current" && old.has(uid) ? as("superseded", "revision-behind") : verdict;
      };
    }),
  },
  {
    bug: "a pod that ended once has ended for good",
    law: SHARED,
    kind: remembering(() => {
      const ended = new Set<string>();
      return (uid, judge) => {
        const verdict = judge();
        if (verdict.state === "finished") ended.add(uid);
        return ended.has(uid) ? as("finished", "pod-finished") : verdict;
      };
    }),
  },
  {
    bug: "the first revision of a Crew is remembered",
    law: SHARED,
    kind: remembering(() => {
      const first = new Map<string, unknown>();
      return (_uid, judge, { root }) => {
        const { uid } = root.metadata;
        const revision = root.status?.["revision"];
        if (revision !== undefined && !first.has(uid)) first.set(uid, revision);
        const isOther = revision !== undefined && first.get(uid) !== revision;
        const verdict = judge();
        return isOther && verdict.state === "current" ? as("superseded", "revision-behind") : verdict;
      };
    }),
  },
  {
    bug: "a pod that was judged before is superseded",
    law: PURITY,
    kind: remembering(() => {
      const seen = new Set<string>();
      return (uid, judge) => {
        const isKnown = seen.has(uid);
        seen.add(uid);
        const verdict = judge();
        return isKnown && verdict.state === "current" ? as("superseded", "revision-behind") : verdict;
      };
    }),
  },
  {
    bug: "the calls are counted",
    law: PURITY,
    kind: remembering(() => {
      let count = 0;
      return (_, judge) => {
        const { reason, ...verdict } = judge();
        return { ...verdict, reason: { ...reason, evidence: { ...reason.evidence, count: (count += 1) } } };
      };
    }),
  },
  {
    bug: "labels of the root are set, and the error is caught",
    law: PURITY,
    kind: doing(({ root }) => Object.assign(root.metadata, { labels: { seen: "yes" } })),
  },
  { bug: "the owned objects are sorted in place", law: EXPECTED, kind: () => ({ judge: sortedInPlace }) },
  { bug: "the clock is read", law: EXPECTED, kind: doing(() => Date.now()) },
  { bug: "a date is made of now", law: EXPECTED, kind: doing(() => new Date().getHours()) },
  { bug: "the high-resolution clock is read", law: EXPECTED, kind: doing(() => process.hrtime()) },
  { bug: "chance decides", law: EXPECTED, kind: doing(() => Math.random() < 0.5) },
  { bug: "a timer is started", law: EXPECTED, kind: doing(() => setTimeout(() => undefined, 1)) },
  { bug: "a page is fetched", law: EXPECTED, kind: doing(() => fetch("http://localhost:1")) },
  { bug: "the environment is read", law: EXPECTED, kind: doing(() => process.env["CREW_DEBUG"]) },
  { bug: "the working directory is read", law: EXPECTED, kind: doing(() => process.cwd()) },
  {
    bug: "something is logged",
    law: EXPECTED,
    kind: doing(() => Reflect.apply(Reflect.get(console, "warn"), console, ["judging"])),
  },
  { bug: "a file is read", law: OUTSIDE, kind: doing(() => readFileSync("/etc/hostname")) },
  { bug: "the name of the machine is read", law: OUTSIDE, kind: doing(() => hostname()) },
  {
    bug: "a request is sent",
    law: OUTSIDE,
    kind: doing(() => request("http://localhost:1").on("error", () => undefined)),
  },
  { bug: "a socket is opened", law: OUTSIDE, kind: doing(() => connect(1).on("error", () => undefined)) },
  { bug: "a program is run", law: OUTSIDE, kind: doing(() => execFileSync("true")) },
  {
    bug: "a file is read by a function that was kept when the module was loaded",
    law: ISOLATED,
    kind: readsFile,
    isolated: isolated("readsFile"),
  },
  {
    bug: "a program is run by a function that was kept when the module was loaded",
    law: ISOLATED,
    kind: runsProgram,
    isolated: isolated("runsProgram"),
  },
  {
    bug: "the environment is read when the module is loaded",
    law: ISOLATED,
    kind: readsEnvironment,
    isolated: isolated("readsEnvironment"),
  },
  {
    bug: "`judge` is asynchronous",
    law: EXPECTED,
    kind: () => ({ judge: async (view: KindView) => soundCrew.judge(view) }) as unknown as Partial<KindDefinition>,
  },
  {
    bug: "verdicts are asynchronous",
    law: EXPECTED,
    kind: () =>
      ({
        judge: (view: KindView) => ({ pod: async (owned: never) => soundCrew.judge(view).pod(owned) }),
      }) as unknown as Partial<KindDefinition>,
  },
  {
    bug: "the kind loops where there is no revision",
    law: "a missing status or missing labels do not make the kind throw",
    kind: () => ({
      judge: (view) => {
        while (view.root.status?.["revision"] === undefined);
        return soundCrew.judge(view);
      },
    }),
  },
];

function sortedInPlace(view: KindView): ReturnType<KindDefinition["judge"]> {
  (view.owned as KubeObject[]).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return soundCrew.judge(view);
}
