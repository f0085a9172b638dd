import { deployment } from "@kinsync/kind-deployment";
import type { KubeObject, MemberState } from "@kinsync/core/contract";
import { judgeObjects } from "@kinsync/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";

const REVISION = "deployment.kubernetes.io/revision";

/** What the user and the controller do, one write to the API at a time. */
type Step =
  | { readonly type: "template"; readonly template: number }
  | { readonly type: "scale" }
  | { readonly type: "observe" | "number" | "annotate" | "makePod" | "killPod" | "collect" };

interface ReplicaSet {
  readonly uid: string;
  readonly template: number;
  revision: number;
}

/**
 * A Deployment and its controller, reduced to what revisions are made of (k8s `pkg/controller/deployment/{sync,rolling}.go`):
 * a template of a former ReplicaSet takes that up again and numbers it above all others, a new template makes a new one; then
 * the Deployment gets the number; then the status tells that the generation was observed.
 */
class Model {
  template = 0;
  generation = 1;
  observed = 0;
  revision: number | undefined;
  replicaSets: ReplicaSet[] = [];
  pods: { readonly uid: string; readonly owner: ReplicaSet; dead: boolean }[] = [];
  #made = 0;

  get newest(): ReplicaSet | undefined {
    return this.replicaSets.find(({ template }) => template === this.template);
  }

  apply(step: Step): void {
    const { newest } = this;
    if (step.type === "template") {
      if (step.template !== this.template) this.generation += 1;
      this.template = step.template;
    } else if (step.type === "scale") {
      this.generation += 1;
    } else if (step.type === "number") {
      const others = this.replicaSets.filter((one) => one !== newest).map(({ revision }) => revision);
      const next = Math.max(0, ...others) + 1;
      if (newest === undefined) {
        this.replicaSets.push({ uid: `rs-${this.#made++}`, template: this.template, revision: next });
      } else if (newest.revision < next) newest.revision = next;
    } else if (step.type === "annotate") {
      if (newest !== undefined && this.#isNumbered(newest)) this.revision = newest.revision;
    } else if (step.type === "observe") {
      // One pass numbers before it writes the status, so the status never tells of a generation without a number.
      if (newest !== undefined && this.#isNumbered(newest)) this.observed = this.generation;
    } else if (step.type === "makePod") {
      const owner = this.replicaSets.at(this.#made % Math.max(1, this.replicaSets.length));
      if (owner !== undefined) this.pods.push({ uid: `pod-${this.#made++}`, owner, dead: false });
    } else if (step.type === "killPod") {
      const [pod] = this.pods.filter(({ dead }) => !dead);
      if (pod !== undefined) pod.dead = true;
    } else {
      // The history limit takes the oldest ReplicaSet that has no pods and is not the present one.
      const empty = this.replicaSets
        .filter((one) => one !== newest && !this.pods.some(({ owner }) => owner === one))
        .toSorted((a, b) => a.revision - b.revision)[0];
      this.replicaSets = this.replicaSets.filter((one) => one !== empty);
    }
  }

  #isNumbered(replicaSet: ReplicaSet): boolean {
    return this.replicaSets.every((one) => one === replicaSet || one.revision < replicaSet.revision);
  }

  states(order: (objects: KubeObject[]) => KubeObject[] = (objects) => objects): Record<string, MemberState> {
    const reference = (kind: string, uid: string) => [
      { apiVersion: "apps/v1", kind, name: uid, uid, controller: true },
    ];
    const root: KubeObject = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: "web",
        namespace: "lab",
        uid: "dep",
        generation: this.generation,
        ...(this.revision === undefined ? {} : { annotations: { [REVISION]: String(this.revision) } }),
      },
      spec: { replicas: 1 },
      status: { observedGeneration: this.observed },
    };
    const replicaSets = this.replicaSets.map(({ uid, revision }): KubeObject => ({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: uid,
        namespace: "lab",
        uid,
        annotations: { [REVISION]: String(revision) },
        ownerReferences: reference("Deployment", "dep"),
      },
    }));
    const pods = this.pods.map(({ uid, owner, dead }): KubeObject => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: uid,
        namespace: "lab",
        uid,
        ownerReferences: reference("ReplicaSet", owner.uid),
        ...(dead ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
      },
      spec: { containers: [] },
    }));
    const judged = judgeObjects(deployment(), root, order([...replicaSets, ...pods]), { order: "given" });
    return Object.fromEntries(judged.members.map(({ pod, verdict }) => [pod.metadata.uid, verdict.state]));
  }
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ type: fc.constant("template" as const), template: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.constant({ type: "scale" as const }) },
    {
      weight: 9,
      arbitrary: fc.record({
        type: fc.constantFrom("observe", "number", "number", "annotate", "makePod", "makePod", "killPod", "collect"),
      }),
    },
  ),
  { maxLength: 60 },
);

test("through any rollouts and rollbacks, a settled verdict is the truth about the template", () => {
  fc.assert(
    fc.property(steps, (history) => {
      const model = new Model();
      for (const step of history) {
        model.apply(step);
        const states = model.states();
        for (const { uid, owner, dead } of model.pods) {
          const settled = owner.template === model.template ? "current" : "superseded";
          // A ReplicaSet that was collected has no pods, so every pod has its owner here.
          expect(dead ? ["terminating"] : [settled, "unsettled"]).toContain(states[uid]);
        }
      }
    }),
    { numRuns: 400 },
  );
});

test("when the controller has caught up, nothing is unsettled", () => {
  fc.assert(
    fc.property(steps, (history) => {
      const model = new Model();
      for (const step of history) model.apply(step);
      for (const type of ["number", "annotate", "observe"] as const) model.apply({ type });
      expect(Object.values(model.states())).not.toContain("unsettled");
    }),
    { numRuns: 200 },
  );
});

test("the order of the objects changes nothing", () => {
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.nat(1000)), (history, keys) => {
      const model = new Model();
      for (const step of history) model.apply(step);
      const byKey = (objects: KubeObject[]): KubeObject[] =>
        objects
          .map((object) => ({ object, key: Number(keys.next().value) }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ object }) => object);
      expect(model.states(byKey)).toEqual(model.states());
    }),
    { numRuns: 100 },
  );
});
