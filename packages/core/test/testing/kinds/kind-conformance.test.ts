import { defineKind } from "@kinsync/core/contract";
import type { KindDefinition, KindView, KubeObject, OwnedPod, Pod, Verdict } from "@kinsync/core/contract";
import { judgeObjects } from "@kinsync/core/testing";
import type { KindCase, KindModule } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import {
  GROUP,
  broken,
  green,
  isActive,
  object,
  pod,
  root,
  sound,
  subject,
  verdict,
  verdictOf,
} from "./support/sound-kind.ts";

test("a correct kind meets every requirement", () => {
  expect(broken({})).toEqual({});
});

test("a verdict that differs from the case is reported with the pod", () => {
  const failures = broken({ judge: () => ({ pod: (owned) => verdictOf(owned, true) }) });
  expect(Object.keys(failures)).toEqual(["members are as expected"]);
  expect(failures["members are as expected"]).toContain("b (b)");
});

test("a note that the case does not expect is a failure", () => {
  const failures = broken({
    judge: (view) => ({ ...sound.judge(view), notes: [{ code: "surprise", message: "nobody expects it" }] }),
  });
  expect(failures["members are as expected"]).toContain("nobody expects it");
});

test("a kind that assumes that the newest owner is current fails with changed ages", () => {
  const newest = (view: KindView): KubeObject | undefined =>
    view.owned.toSorted((a, b) =>
      (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? ""),
    )[0];
  const failures = broken({
    judge: (view) => ({ pod: (owned) => verdict(owned.owners[0]?.metadata.uid === newest(view)?.metadata.uid) }),
  });
  expect(Object.keys(failures)).toContain("ages change nothing");
});

test("a kind that declares that it reads ages is exempt from that requirement", () => {
  const oldest = (view: KindView): string =>
    view.owned.map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.uid}`).toSorted()[0] ?? "";
  const judge = (view: KindView) => ({
    pod: (owned: OwnedPod) => verdictOf(owned, oldest(view).endsWith(` ${owned.owners[0]?.metadata.uid}`)),
  });
  expect(Object.keys(broken({ judge }))).toEqual(["ages change nothing"]);
  expect(broken({ judge }, [subject], { readsCreationTimestamps: true })).toEqual({});
});

test("a kind whose case declares that it reads names is exempt from that requirement in this case alone", () => {
  const judge = (view: KindView) => ({
    pod: (owned: OwnedPod) => ({ ...sound.judge(view).pod(owned), role: owned.pod.metadata.name }),
  });
  const named = { ...subject, members: subject.members.map((member) => ({ ...member, role: member.pod })) };
  expect(Object.keys(broken({ judge }, [named]))).toEqual(["names decide nothing"]);
  expect(broken({ judge }, [{ ...named, reads: ["names"] }])).toEqual({});
});

test("a kind that depends on the order of the owned objects fails", () => {
  const failures = broken({
    judge: (view) => ({ pod: (owned) => verdict(owned.owners[0] === view.owned.at(-1)) }),
  });
  expect(Object.keys(failures)).toContain("order does not matter");
});

test("a kind that writes to its input fails, even if it catches the error", () => {
  const write = (view: KindView): void => {
    try {
      Object.assign(view.root.metadata, { seen: true });
    } catch {
      // As a careless author would.
    }
  };
  const failures = broken({
    judge: (view) => {
      write(view);
      return sound.judge(view);
    },
  });
  expect(Object.keys(failures)).toEqual(["input is not mutated and nothing is remembered"]);
});

test("a kind that remembers earlier calls fails", () => {
  const seen = new Set<string>();
  const failures = broken({
    judge: (view) => ({
      pod: (owned) => {
        const again = seen.has(owned.pod.metadata.uid);
        seen.add(owned.pod.metadata.uid);
        return verdict(!again && isActive(view, owned));
      },
    }),
  });
  expect(Object.keys(failures)).toContain("input is not mutated and nothing is remembered");
});

test.each([
  ["Date.now", () => Date.now()],
  ["new Date()", () => new Date().getTime()],
  ["Math.random", () => Math.random()],
  ["fetch", () => void fetch("http://localhost")],
  ["setTimeout", () => void setTimeout(() => undefined, 1)],
  ["crypto.randomUUID", () => crypto.randomUUID()],
  ["console.log", () => Reflect.apply(Reflect.get(globalThis.console, "log"), undefined, ["hello"])],
])("a kind that uses %s fails, and the replaced functions are restored", (name, use) => {
  const before = [Date, Math.random, globalThis.fetch, globalThis.setTimeout, Reflect.get(globalThis.console, "log")];
  const failures = broken({
    judge: (view) => {
      use();
      return sound.judge(view);
    },
  });
  expect(failures["members are as expected"]).toContain(name);
  expect([Date, Math.random, globalThis.fetch, globalThis.setTimeout, Reflect.get(globalThis.console, "log")]).toEqual(
    before,
  );
  expect(Date.now()).toBeGreaterThan(0);
});

test("a kind may read times that its objects carry", () => {
  const judge: KindDefinition["judge"] = (view) => {
    if (Number.isNaN(Date.parse(view.root.metadata.creationTimestamp ?? "2026-01-01T00:00:00Z"))) throw new Error("no");
    return {
      ...sound.judge(view),
      pod: (owned) => (new Date(0) instanceof Date ? sound.judge(view).pod(owned) : verdict(false)),
    };
  };
  expect(broken({ judge })).toEqual({});
});

test.each<[string, Partial<Verdict>, string]>([
  ["a state that does not exist", { state: "stale" as "current" }, "is not a state"],
  ["an empty role", { role: "" }, "role must be"],
  ["a code in another case", { reason: { code: "InGroup", message: "m" } }, "kebab-case"],
  ["an empty message", { reason: { code: "c", message: "" } }, "empty"],
  ["a message that ends in a full stop", { reason: { code: "c", message: "It is." } }, "full stop"],
  ["a message that shows a missing value", { reason: { code: "c", message: "it is undefined" } }, "a missing value"],
  ["evidence that is an object", { reason: { code: "c", message: "m", evidence: { a: {} as string } } }, "evidence"],
  ["a key that no verdict has", { colour: "red" } as Partial<Verdict>, 'no field "colour"'],
])("a verdict with %s fails", (_, change, complaint) => {
  const failures = broken({
    judge: (view) => ({ pod: (owned) => ({ ...sound.judge(view).pod(owned), ...change }) }),
  });
  expect(failures["each owned pod has one well-formed verdict"]).toContain(complaint);
});

test("a pod that ended and is current fails", () => {
  const dead = { ...pod("d", green, 7), status: { phase: "Failed" } };
  const cases = [
    {
      ...subject,
      objects: [green, dead],
      members: [{ pod: "d", state: "current" as const, reason: "in-group" }],
    },
  ];
  const failures = broken({ judge: (view) => ({ pod: (owned) => verdict(isActive(view, owned)) }) }, cases);
  expect(failures["each owned pod has one well-formed verdict"]).toContain("not alive");
});

test("a selector that withholds what the rule needs fails", () => {
  const failures = broken({
    watches: () => ({ watches: [{ resource: GROUP, optional: true }], pods: { labelSelector: "group=green" } }),
  });
  expect(failures["the watch plan is stable and delivers what the rule needs"]).toContain("withholds");
});

test("a projection that drops what the rule reads fails", () => {
  const failures = broken({
    watches: () => ({
      watches: [{ resource: GROUP, project: (group) => ({ ...group, metadata: { ...group.metadata, name: "" } }) }],
    }),
  });
  expect(failures["the watch plan is stable and delivers what the rule needs"]).toContain("withholds");
});

test("a kind that matches pods by the name of the root fails", () => {
  const failures = broken({ matchesByLabels: (root) => root.metadata.name === "s" });
  expect(failures["a root of the same name and another UID owns nothing"]).toContain("matchesByLabels matches pod g");
});

test("a missing watch is judged by labels if the kind supports it", () => {
  const one: KindCase = {
    ...subject,
    missing: ["groups.example.com"],
    members: ["g", "b", "x"].map((name) => ({ pod: name, state: "current", reason: "in-group", by: "labels" })),
  };
  expect(broken({}, [one])).toEqual({});
});

test.each<[string, Partial<KindCase>[], string]>([
  ["no cases", [], "there are no cases"],
  ["two cases of one name", [{}, {}], "another case has the same name"],
  ["a key that is not known", [{ memebers: [] } as Partial<KindCase>], 'unknown key "memebers"'],
  ["something that no rule reads", [{ reads: ["ages" as "names"] }], 'reads "ages"'],
  ["a root of another kind", [{ root: { ...root, kind: "Bag" } }], "the kind's is example.com/v1 Set"],
  ["two objects of one uid", [{ objects: [...subject.objects, green] }], "the uid of another object"],
  ["a member that is not a pod", [{ members: [{ pod: "z", state: "current", reason: "r" }] }], "not one of its pods"],
  ["a member expected twice", [{ members: [...subject.members, ...subject.members] }], "expected twice"],
  ["no expectation at all", [{ objects: [green], members: [] }], "it expects nothing"],
  [
    "a member with a key that is not known",
    [{ members: [{ pod: "g", state: "current", reason: "r", rolle: "x" } as KindCase["members"][number]] }],
    'unknown key "rolle"',
  ],
  [
    "a name that two pods have",
    [{ objects: [...subject.objects, { ...pod("g", green, 8), metadata: { name: "g", uid: "g-2" } }] }],
    "give the uid",
  ],
])("cases with %s are reported", (_, changes, complaint) => {
  const cases = changes.map((change) => ({ ...subject, ...change }));
  expect(broken({}, cases)["the cases are well formed"]).toContain(complaint);
});

test("owner references that are not the controller's count only where the plan asks for any", () => {
  const reference = { apiVersion: "example.com/v1", kind: "Set", name: "s", uid: "s-1" };
  const loose = { ...green, metadata: { ...green.metadata, ownerReferences: [reference] } };
  const namesOf = (owner: "controller" | "any"): string[] => {
    const kind = defineKind({ ...sound, watches: () => ({ watches: [{ resource: GROUP, owner }] }) });
    return judgeObjects(kind, root, [loose, pod("g", green, 1)]).members.map(({ pod }) => pod.metadata.name);
  };
  expect(namesOf("controller")).toEqual([]);
  expect(namesOf("any")).toEqual(["g"]);
});

test("owner references in a circle lead nowhere", () => {
  const a = object("Group", "a", green, 1);
  const b = object("Group", "b", a, 1);
  const circle = {
    ...a,
    metadata: { ...a.metadata, ownerReferences: b.metadata.ownerReferences?.map((r) => ({ ...r, uid: "b" })) ?? [] },
  };
  expect(judgeObjects(defineKind(sound), root, [circle, b, pod("p", b, 1)]).members).toEqual([]);
});

test("a kind that judges the whole set gets its pods, any other kind gets none", () => {
  const seen: string[][] = [];
  const judge = (view: KindView) => {
    seen.push(view.pods.map(({ pod }: { pod: Pod }) => pod.metadata.name));
    return sound.judge(view);
  };
  judgeObjects(defineKind({ ...sound, judge }), root, subject.objects);
  judgeObjects(defineKind({ ...sound, judge, judgesSet: true }), root, subject.objects);
  expect(seen).toEqual([[], ["b", "g"]]);
});

test("a kind that loops fails once, and its other requirements are reported as not checked", () => {
  const before = [Date, process.env];
  const judge: KindDefinition["judge"] = () => {
    for (;;);
  };
  const failures = broken({ judge }, [subject], { timeLimit: 1_000 });
  expect(failures["members are as expected"]).toContain("the kind did not return within 1 s");
  expect(failures["order does not matter"]).toContain('not checked: the kind did not return in "two groups: members');
  expect([Date, process.env]).toEqual(before);
});

test("a module without the kind is reported by the process of its own", () => {
  const module = new URL("support/crew/impure-kinds.ts", import.meta.url);
  const failure = (isolated: KindModule): string | undefined =>
    broken({}, [subject], { isolated })["a process without files, network and environment gives the same answers"];
  expect(failure({ module, export: "missing" })).toContain('the module has no export "missing"');
  expect(failure({ module, export: "readsFile" })).toContain('the export "readsFile" makes no kind "set"');
  expect(failure({ module: new URL("missing.ts", module) })).toContain("missing.ts");
});
