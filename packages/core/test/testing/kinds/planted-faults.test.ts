import { readFileSync } from "node:fs";
import { isPodActive } from "@kinsync/core/contract";
import type { KindDefinition, KindView } from "@kinsync/core/contract";
import type { KindCase } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { broken, checked, GROUP, isActive, sound, subject, verdict, verdictOf } from "./support/sound-kind.ts";

/** One mistake of a kind, or of its author's cases. */
interface PlantedFault {
  readonly fault: string;
  readonly kind?: () => Partial<KindDefinition>;
  readonly cases?: readonly KindCase[];
}

const newest = (view: KindView): string | undefined =>
  view.owned.toSorted((a, b) =>
    (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? ""),
  )[0]?.metadata.uid;

/** By requirement of the kit: one mistake that this requirement must find. */
const FAULTS: Readonly<Record<string, PlantedFault>> = {
  "the cases are well formed": { fault: "a case is there twice", cases: [subject, subject] },
  "the definition is well formed": {
    fault: "a field of the definition is misspelt",
    kind: () => ({ infrastucture: ["proxy"] }) as Partial<KindDefinition>,
  },
  "members are as expected": {
    fault: "every pod is current",
    kind: () => ({ judge: () => ({ pod: () => verdict(true) }) }),
  },
  "each owned pod has one well-formed verdict": {
    fault: "the role is an empty text",
    kind: () => ({ judge: (view) => ({ pod: (owned) => ({ ...sound.judge(view).pod(owned), role: "" }) }) }),
  },
  "order does not matter": {
    fault: "the last owned object is the current one",
    kind: () => ({ judge: (view) => ({ pod: (owned) => verdict(owned.owners[0] === view.owned.at(-1)) }) }),
  },
  "input is not mutated and nothing is remembered": {
    fault: "a pod that was judged before gets another verdict",
    kind: () => {
      const seen = new Set<string>();
      return {
        judge: (view) => ({
          pod: (owned) => {
            const isKnown = seen.has(owned.pod.metadata.uid);
            seen.add(owned.pod.metadata.uid);
            return isKnown ? verdict(false) : sound.judge(view).pod(owned);
          },
        }),
      };
    },
  },
  "a missing status or missing labels do not make the kind throw": {
    fault: "the status of the root is read without a check",
    kind: () => ({
      judge: (view) => ({
        pod: (owned) => verdict(owned.owners[0]?.metadata.name === (view.root.status as { active: string }).active),
      }),
    }),
  },
  "a missing watch or a child without a kind do not make the kind throw": {
    fault: "the owner of a pod is read, also where it may not be watched",
    kind: () => ({
      judge: (view) => ({
        pod: (owned) => {
          if (owned.owners[0]?.kind === "Group") return sound.judge(view).pod(owned);
          throw new Error("it has no Group");
        },
      }),
    }),
  },
  "a pod that ends gets no files": {
    fault: "a terminating pod stays current",
    kind: () => ({ judge: (view) => ({ pod: (owned) => verdict(isActive(view, owned)) }) }),
  },
  "every pod has a usable default container, and none is taken without labels": {
    fault: "the default container is infrastructure",
    kind: () => ({ infrastructure: ["main"], defaultContainer: () => "main" }),
  },
  "a newer generation or a deletion makes nothing current": {
    fault: "everything is current until the controller has observed the generation",
    kind: () => ({
      judge: (view) => ({
        pod: (owned) => verdictOf(owned, isActive(view, owned) || (view.root.metadata.generation ?? 0) > 0),
      }),
    }),
  },
  "no file, socket, process or environment is read": {
    fault: "a file is read, and the error is caught",
    kind: () => ({
      judge: (view) => {
        try {
          readFileSync("/etc/hostname");
        } catch {
          // As a careless author would.
        }
        return sound.judge(view);
      },
    }),
  },
  "UIDs identify and decide nothing else": {
    fault: "the object with the last UID is the current one",
    kind: () => ({
      judge: (view) => {
        const last = view.owned
          .map(({ metadata }) => metadata.uid)
          .toSorted()
          .at(-1);
        return { pod: (owned) => verdictOf(owned, owned.owners[0]?.metadata.uid === last) };
      },
    }),
  },
  "a reference without a controller makes no member": {
    fault: "every owner reference of a pod counts",
    kind: () => ({ watches: () => ({ watches: [{ resource: GROUP, optional: true }], pods: { owner: "any" } }) }),
  },
  "names decide nothing": {
    fault: "the role is the first letter of the pod's name",
    kind: () => ({
      judge: (view) => ({
        pod: (owned) => ({ ...sound.judge(view).pod(owned), role: owned.pod.metadata.name.slice(0, 1) }),
      }),
    }),
  },
  "cases with the same UIDs get their own answers": {
    fault: "a pod that has ended once has ended for good",
    kind: () => {
      const ended = new Set<string>();
      return {
        judge: (view) => ({
          pod: (owned) => {
            const { uid } = owned.pod.metadata;
            if (!isPodActive(owned.pod)) ended.add(uid);
            return ended.has(uid) ? verdict(false) : sound.judge(view).pod(owned);
          },
        }),
      };
    },
  },
  "the watch plan is stable and delivers what the rule needs": {
    fault: "a selector leaves out pods",
    kind: () => ({
      watches: () => ({ watches: [{ resource: GROUP, optional: true }], pods: { labelSelector: "group=green" } }),
    }),
  },
  "a root of the same name and another UID owns nothing": {
    fault: "pods are matched by the root's name",
    kind: () => ({ matchesByLabels: (root) => root.metadata.name === "s" }),
  },
  "ages change nothing": {
    fault: "the newest owned object is the current one",
    kind: () => ({ judge: (view) => ({ pod: (owned) => verdict(owned.owners[0]?.metadata.uid === newest(view)) }) }),
  },
};

const requirements = checked({});

test("every fault is planted for a requirement of the kit", () => {
  expect(Object.keys(FAULTS).filter((name) => !requirements.includes(name))).toEqual([]);
});

test.each(requirements)("the kit finds a kind that breaks: %s", (name) => {
  const planted = FAULTS[name];
  if (planted === undefined) throw new Error("No fault is planted for this requirement: add one to FAULTS");
  const { fault, kind, cases = [subject] } = planted;
  expect(broken({})).toEqual({});
  expect(Object.keys(broken(kind?.() ?? {}, cases)), fault).toContain(name);
});
