import assert from "node:assert/strict";
import type { KindPlugin, KubeObject } from "@kinsync/core/contract";
import { collectGarbage } from "../cluster/garbage-collector.ts";
import { advancePod, advancePods, setPhase } from "../cluster/kubelet.ts";
import { isAlive, isDeleting, isFinished, phaseOf } from "../cluster/objects.ts";
import { Refused, Store } from "../cluster/store.ts";
import { PODS, streamOf } from "../cluster/types.ts";
import { Watches } from "../cluster/watches.ts";
import { pick } from "./pick.ts";
import { ROOT, type Course, type Oracle, type Pass, type Place } from "./oracle.ts";
import type { Step } from "./steps.ts";
import { Targets, type Target } from "./targets.ts";

/** A controller that writes in every pass for so long never comes to rest. */
const MAX_ROUNDS = 60;
/** A controller that finds the name of a child taken tries another one in its next pass. */
const MAX_PASSES = 4;

/**
 * Plays one history of one workload, and compares the pods that files go to with what the oracle knows.
 *
 * After each delivery, however late or incomplete, these hold for each target:
 * 1. The pod exists, has not ended and is not being deleted, by the newest version of it that was delivered.
 * 2. It has a controller, and so on up to the root, each by UID and by the newest versions that were delivered.
 * 3. Neither the pod nor an owner between it and the root nor a group of pods that it belongs to is obsolete, by the newest fact about it that
 *    was delivered. A controller makes a fact known with the write that shows its decision. An object that has ended or is being deleted
 *    shows that itself.
 *
 * Exceptions to 3, each because a client cannot know better:
 * - The controller of the root has not observed the delivered spec (`Course.isInDoubt`), and so may revoke what it decided before. A target
 *   may stay one. No pod becomes one, unless the root is being deleted.
 * - The same for an owner between pod and root (`Course.isOwnerInDoubt`), but for facts that the root itself shows.
 * - The fact follows from a spec of the root that was not delivered (`Fact.since`).
 * - The object that showed the fact is gone, or has another controller now.
 *
 * At quiet points the targets are exactly the pods that the oracle expects, with role, index and labels, but for pods that it leaves open
 * (`Expectation.open`; each oracle says why). A point is quiet when each deciding controller has carried out a pass, the controller of the root
 * has observed its spec, and everything is delivered; a rollout may be half done. One such point is the end of a history; another one is the
 * moment when no controller has anything to write any more.
 */
export class Player {
  readonly #kind: KindPlugin;
  readonly #store = new Store();
  readonly #watches = new Watches(this.#store);
  readonly #targets: Targets;
  readonly #course: Course;
  readonly #controllers: readonly (readonly [name: string, pass: Pass])[];
  /** Passes that have begun. */
  readonly #passes = new Map<string, Generator<void>>();
  /** UIDs of the targets after the delivery before. */
  #before: ReadonlySet<string> = new Set();

  constructor(oracle: Oracle, kind = oracle.kind()) {
    this.#kind = kind;
    this.#course = oracle.start(this.#store);
    this.#targets = new Targets(kind, oracle.children?.() ?? []);
    this.#controllers = [
      ...Object.entries(this.#course.controllers),
      ["garbage collector", () => collectGarbage(this.#store)],
      ["kubelet", () => advancePods(this.#store)],
    ];
  }

  play(steps: readonly Step[]): void {
    for (const step of steps) this.#take(step);
    this.#rest();
    this.#compare("after one more pass of each controller");
    this.#finish();
    this.#compare("at the end");
    const count = this.#course.finalCount?.();
    if (count !== undefined)
      assert.equal(this.#targets.list().length, count, `targets at the end:\n${this.#describe()}`);
  }

  #take({ do: name, choice }: Step): void {
    const deed = this.#course.deeds[name];
    if (deed !== undefined) attempt(() => deed(choice));
    else if (name === "deliver") {
      const stream = pick(this.#watches.behind(), choice);
      if (stream === undefined) return;
      this.#watches.deliver(stream, 1 + (Math.floor(choice / 8) % 4));
      this.#judge();
    } else if (name === "relist") {
      const stream = pick(this.#watches.behind(), choice);
      if (stream === undefined) return;
      this.#watches.deliver(stream);
      this.#judge();
    } else if (name === "work") {
      this.#work(choice);
    } else if (name === "round") {
      for (const [, pass] of this.#controllers) this.#run(pass);
    } else if (name === "pod") {
      this.#changePod(choice);
    } else if (name === "crash") {
      this.#passes.clear();
    } else if (name === "time") {
      this.#store.passTime(1 + (choice % 3));
    } else if (name === "stranger") {
      this.#addStranger(choice);
    } else if (name === "rest") {
      this.#rest();
      this.#compare("at a quiet point");
    } else throw new Error(`unknown step ${name}`);
  }

  /** Some writes of one controller, which goes on with its pass or begins one. */
  #work(choice: number): void {
    const found = pick(this.#controllers, choice);
    if (found === undefined) return;
    const [name, pass] = found;
    for (let writes = 1 + (Math.floor(choice / 16) % 4); writes > 0; writes -= 1) {
      const running = this.#passes.get(name) ?? pass();
      this.#passes.set(name, running);
      if (attempt(() => running.next().done === true) !== false) {
        this.#passes.delete(name);
        return;
      }
    }
  }

  /** What happens to a pod in its node, or by a user. */
  #changePod(choice: number): void {
    const pod = pick(this.#store.list(PODS), choice);
    if (pod === undefined) return;
    const event = Math.floor(choice / 16) % 8;
    if (event === 0 && isAlive(pod)) this.#store.markDeleted(pod.metadata.uid);
    else if (event === 1 && isAlive(pod)) setPhase(this.#store, pod, "Failed");
    else if (event === 2 && isAlive(pod) && phaseOf(pod) === "Running") setPhase(this.#store, pod, "Succeeded");
    else if (!isFinished(pod) || isDeleting(pod)) advancePod(this.#store, pod);
  }

  /** A pod with the labels and annotations of another one, that a former root of this name owns, or nobody's controller. */
  #addStranger(choice: number): void {
    const pod = pick(this.#store.list(PODS), choice);
    if (pod === undefined) return;
    const { labels = {}, annotations = {}, ownerReferences = [] } = pod.metadata;
    const uid = `former-${choice}`;
    attempt(() =>
      this.#store.create({
        ...PODS,
        metadata: {
          name: `stranger-${choice}`,
          labels,
          annotations,
          ownerReferences: ownerReferences.map((owner) => ({ ...owner, uid })),
        },
        spec: { ...pod.spec },
        status: { phase: "Running" },
      }),
    );
  }

  /** Every controller that decides carries out one pass, and the client sees everything. */
  #rest(): void {
    this.#passes.clear();
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      for (const name of this.#course.deciders) this.#run(this.#course.controllers[name]);
      const root = this.#rootOf(this.#store.all());
      if (root === undefined || isDeleting(root) || this.#course.isInDoubt?.(root) !== true) break;
    }
    this.#watches.deliverAll();
    this.#judge();
  }

  /** All controllers, until none of them writes. */
  #finish(): void {
    for (let round = 0; ; round += 1) {
      const before = this.#store.writes;
      for (const [, pass] of this.#controllers) this.#run(pass);
      this.#store.passTime(1);
      if (this.#store.writes === before) break;
      assert.ok(round < MAX_ROUNDS, `the controllers do not come to rest:\n${this.#describe()}`);
    }
    this.#watches.deliverAll();
    this.#judge();
  }

  #run(pass: Pass | undefined): void {
    const running = pass?.();
    let goesOn = running !== undefined;
    while (goesOn) goesOn = attempt(() => running?.next().done) === false;
  }

  #rootOf(objects: readonly KubeObject[]): KubeObject | undefined {
    const { root } = this.#kind;
    return objects.find(
      ({ apiVersion, kind, metadata }) =>
        metadata.name === ROOT && kind === root.kind && (root.group === "" || apiVersion.startsWith(`${root.group}/`)),
    );
  }

  #judge(): void {
    const root = this.#rootOf(this.#watches.objects);
    this.#targets.judge(root, this.#watches.objects);
    const isInDoubt = root !== undefined && (this.#course.isInDoubt?.(root) ?? false);
    const isGoing = root !== undefined && isDeleting(root);
    const targets = this.#targets.list();
    for (const target of targets) {
      const problem = this.#problemOf(target, root, isInDoubt && (isGoing || this.#before.has(target.uid)));
      assert.ok(problem === undefined, `${target.name} ${target.uid} is a target (${target.reason}), and ${problem}`);
    }
    this.#before = new Set(targets.map(({ uid }) => uid));
  }

  #problemOf({ uid }: Target, root: KubeObject | undefined, mayStay: boolean): string | undefined {
    const pod = this.#watches.get(uid);
    if (pod === undefined) return "it does not exist";
    if (isFinished(pod) || isDeleting(pod)) return "it has ended or is being deleted";
    if (root === undefined) return "there is no root";
    if (!this.#watches.ownersOf(pod).includes(root.metadata.uid)) return "the root does not own it";
    const known = this.#watches.whyObsolete(pod, root, this.#course.groupsOf?.(pod) ?? []);
    if (known === undefined || mayStay) return undefined;
    const owners = this.#watches.ownersOf(pod).flatMap((owner) => this.#watches.get(owner) ?? []);
    const isOwnerInDoubt = owners.some((owner) => this.#course.isOwnerInDoubt?.(owner) === true);
    // What the root shows holds whatever becomes of the owner.
    if (isOwnerInDoubt && known.shownBy.metadata.uid !== root.metadata.uid) return undefined;
    return `it is obsolete with ${known.group}:\n${this.#describe()}`;
  }

  #compare(when: string): void {
    const { targets, open = new Set() } = this.#course.expected();
    const found = this.#targets.list().filter(({ uid }) => !open.has(uid));
    const wanted = new Map([...targets].filter(([uid]) => !open.has(uid)));
    const places = found.map((target) => [target.uid, placeLike(target, wanted.get(target.uid))] as const);
    assert.deepEqual(
      Object.fromEntries(places.toSorted(([a], [b]) => (a < b ? -1 : 1))),
      Object.fromEntries(
        [...wanted].map(([uid, place]) => [uid, named(place)] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      ),
      `targets (left) and pods that the oracle expects (right) ${when}:\n${this.#describe()}`,
    );
  }

  #describe(): string {
    const objects = this.#store.all().map(({ kind, metadata, spec, status }) => {
      const { name, uid, generation, labels, annotations, deletionTimestamp, ownerReferences = [] } = metadata;
      const owner = ownerReferences.map((one) => one.uid).join();
      return `  ${kind} ${name} ${uid} < ${owner} ${JSON.stringify({ generation, deletionTimestamp, labels, annotations, spec, status })}`;
    });
    return `members:\n${this.#targets.describe()}\nobjects:\n${objects.join("\n")}\nbehind: ${this.#watches.behind().join(", ")} (pods: ${streamOf(PODS)})`;
  }
}

/** The fields of a place that the oracle names; all of them where it does not expect the pod. */
function placeLike({ place, reason, name }: Target, like: Place | undefined): object {
  if (like === undefined) return { ...place, unexpected: `${name}: ${reason}` };
  return Object.fromEntries(Object.keys(named(like)).map((key) => [key, place[key as keyof Place]]));
}

function named(place: Place): object {
  return { ...place };
}

/** `undefined` where the API server refused the write. */
function attempt<Result>(run: () => Result): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return undefined;
  }
}
