import type { KubeObject } from "@kinsync/core/contract";
import type { ExpectedMember, KindCase } from "@kinsync/core/testing";
import { KEYS } from "./crew.ts";

interface Place {
  readonly squad: number;
  readonly revision?: string;
  readonly attempt?: number;
}

/** A Crew, and what its controller creates for it. UIDs differ from case to case, as those of a real cluster do. */
class Situation {
  readonly #case: string;
  readonly #uid: string;

  constructor(name: string, uid = "1") {
    this.#case = name;
    this.#uid = `crew-${name}-${uid}`;
  }

  root(fields: Pick<KubeObject, "spec" | "status">, generation = 1): KubeObject {
    const metadata = { name: "red", uid: this.#uid, generation, creationTimestamp: "2026-01-01T00:00:00Z" };
    return { apiVersion: "example.com/v1", kind: "Crew", metadata, ...fields };
  }

  squad(place: Place, metadata: Partial<KubeObject["metadata"]> = {}): KubeObject {
    const { squad, revision = "a", attempt = 0 } = place;
    return {
      apiVersion: "example.com/v1",
      kind: "Squad",
      metadata: {
        name: `red-${squad}-${attempt}`,
        uid: `squad-${this.#uid}-${squad}-${revision}-${attempt}`,
        generation: 1,
        creationTimestamp: `2026-01-01T00:00:1${squad}Z`,
        labels: { ...this.#labels(place), [KEYS.attempt]: String(attempt) },
        ownerReferences: [reference(this.root({}))],
        ...metadata,
      },
      spec: { size: 2 },
    };
  }

  pod(part: string, place: Place, owner: KubeObject, change: Partial<KubeObject> = {}): KubeObject {
    const { squad, attempt = 0, revision = "a" } = place;
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: `red-${squad}-${attempt}-${part}-${revision}`,
        uid: `${part}-${this.#uid}-${squad}-${revision}-${attempt}`,
        creationTimestamp: `2026-01-01T00:00:2${squad}Z`,
        labels: { ...this.#labels(place), [KEYS.part]: part },
        ownerReferences: [reference(owner)],
      },
      spec: { containers: [{ name: "agent" }, { name: "main" }] },
      status: { phase: "Running" },
      ...change,
    };
  }

  /** A Squad, its leader and the leader's worker. */
  group(place: Place): KubeObject[] {
    const squad = this.squad(place);
    const leader = this.pod("leader", place, squad);
    return [squad, leader, this.pod("worker", place, leader)];
  }

  get name(): string {
    return this.#case;
  }

  #labels({ squad, revision = "a" }: Place): Record<string, string> {
    return { [KEYS.crew]: "red", [KEYS.uid]: this.#uid, [KEYS.squad]: String(squad), [KEYS.revision]: revision };
  }
}

function reference({ apiVersion, kind, metadata: { name, uid } }: KubeObject) {
  return { apiVersion, kind, name, uid, controller: true };
}

/** Of the leader and the worker of a group. */
function group(place: Place, state: ExpectedMember["state"], reason: string): ExpectedMember[] {
  const { squad, attempt = 0, revision = "a" } = place;
  return ["leader", "worker"].map((role) => ({
    pod: `red-${squad}-${attempt}-${role}-${revision}`,
    state,
    role,
    index: String(squad),
    reason,
  }));
}

const status = (revision: string, attempt = 0, observedGeneration = 1) => ({ revision, attempt, observedGeneration });
const [s0, s1] = [{ squad: 0 }, { squad: 1 }];
const b1 = { squad: 1, revision: "b" };

const healthy = new Situation("two squads");
const rolling = new Situation("the second squad has the new revision");

/** What an author in a hurry writes. */
export const TWO_CASES: readonly KindCase[] = [
  {
    name: healthy.name,
    root: healthy.root({ spec: {}, status: status("a") }),
    objects: [...healthy.group(s0), ...healthy.group(s1)],
    members: [...group(s0, "current", "at-revision"), ...group(s1, "current", "at-revision")],
  },
  {
    name: rolling.name,
    root: rolling.root({ spec: {}, status: status("b") }),
    objects: [...rolling.group(s0), ...rolling.group(b1)],
    members: [...group(s0, "superseded", "revision-behind"), ...group(b1, "current", "at-revision")],
  },
];

const kept = new Situation("the partition keeps the first squad");
const restarted = new Situation("a new attempt");
const unobserved = new Situation("the spec is newer than the status");
const ending = new Situation("pods end");
const strange = new Situation("a former crew had the name");
const former = new Situation("a former crew had the name", "0");
const unreadable = new Situation("squads may not be read");
const early = new Situation("paused, without a status");
const again = { squad: 0, attempt: 1 };
const endingSquad = ending.squad(s0);
const goingSquad = ending.squad(s1, { deletionTimestamp: "2026-01-01T00:01:00Z" });

/** What a careful author writes. */
export const CASES: readonly KindCase[] = [
  ...TWO_CASES,
  {
    name: kept.name,
    root: kept.root({ spec: { partition: 1 }, status: status("b") }),
    objects: [...kept.group(s0), ...kept.group(b1)],
    members: [...group(s0, "kept", "below-partition"), ...group(b1, "current", "at-revision")],
  },
  {
    name: restarted.name,
    root: restarted.root({ spec: {}, status: status("a", 1) }),
    objects: [...restarted.group(s0), ...restarted.group(again)],
    members: [...group(s0, "superseded", "attempt-behind"), ...group(again, "current", "at-revision")],
  },
  {
    name: unobserved.name,
    root: unobserved.root({ spec: {}, status: status("a") }, 2),
    objects: unobserved.group(s0),
    members: group(s0, "unsettled", "generation-not-observed"),
  },
  {
    name: ending.name,
    root: ending.root({ spec: {}, status: status("a") }),
    objects: [
      endingSquad,
      goingSquad,
      ending.pod("leader", s0, endingSquad, { status: { phase: "Failed" } }),
      ending.pod("leader", s1, goingSquad),
      ending.pod("cleanup", s0, endingSquad),
    ],
    members: [
      { pod: "red-0-0-leader-a", state: "finished", role: "leader", index: "0", reason: "pod-finished" },
      { pod: "red-1-0-leader-a", state: "terminating", role: "leader", index: "1", reason: "owner-deleting" },
      { pod: "red-0-0-cleanup-a", state: "helper", role: "cleanup", index: "0", reason: "cleanup" },
    ],
  },
  {
    name: strange.name,
    root: strange.root({ spec: {}, status: status("a") }),
    objects: [...strange.group(s0), ...former.group(s1)],
    members: group(s0, "current", "at-revision"),
  },
  {
    name: unreadable.name,
    root: unreadable.root({ spec: {}, status: status("a") }),
    objects: [
      unreadable.squad(s0),
      unreadable.pod("leader", s0, unreadable.squad(s0)),
      ...new Situation(unreadable.name, "0").group(s1),
    ],
    members: group(s0, "current", "at-revision")
      .slice(0, 1)
      .map((member) => ({ ...member, by: "labels" })),
    missing: ["squads"],
  },
  {
    name: early.name,
    root: early.root({ spec: { paused: true } }),
    objects: early.group(s0),
    members: group(s0, "unsettled", "revision-unknown"),
    notes: ["paused"],
  },
];
