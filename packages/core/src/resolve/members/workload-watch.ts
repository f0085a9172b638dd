import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin, OwnedPod, Verdict } from "../../contract/kind.ts";
import type { KubeObject, Pod, ResourceType } from "../../contract/resource.ts";
import type { KinsyncError } from "../../errors/error.ts";
import { asKinsyncError, Judging } from "./verdict-runner.ts";
import type { MemberSnapshot } from "./member-list.ts";
import { Members } from "./members.ts";
import { OwnerKinds } from "./owner-kinds.ts";
import { ownsAnything, walkDown, type Layer, type Ownership } from "./ownership.ts";
import { ProblemList } from "./problems.ts";
import type { ReflectorLease, ReflectorPool } from "../../kube/reflector-pool.ts";
import type { MemberChange, Resolution, WorkloadRef } from "../resolution.ts";
import { isPods } from "../../kube/resource-path.ts";
import { ruleOf, type Rule } from "./rule.ts";
import type { ObjectStore, StoreChange } from "../../kube/store.ts";
import { sameJson } from "../../kube/trim.ts";
import { planOwnerWatch, planWatches, type PlannedWatch } from "./watch-spec.ts";
import { WatchSet } from "./watch-set.ts";

export interface WorkloadWatchOptions {
  readonly cluster: ClusterConnection;
  readonly reflectors: ReflectorPool;
  readonly ref: WorkloadRef;
  /** `undefined` where no kind claims the root: the rule is "owned and alive". */
  readonly kind: KindPlugin | undefined;
  readonly signal: AbortSignal;
  /**
   * How long an owner kind that owner references name may hold up `ready`, once for its discovery and once for its list; later
   * answers still count. Concerns roots without a kind. Milliseconds. Default: 2,000.
   */
  readonly ownerKindWaitMs?: number;
  /**
   * Called when anything differs from the last resolution, never within `watchWorkload` itself. Before `ready` only where there
   * is a problem to report; such a resolution has no members. `changes` names exactly the members that came, went or changed
   * since the last call, one entry per member: all of them at first. It is empty where only root, note or problems changed.
   */
  readonly onResolution?: (resolution: Resolution, changes: readonly MemberChange[]) => void;
}

/** A workload under watch, until it is disposed or its signal ends. */
export interface WorkloadWatch extends AsyncDisposable {
  readonly current: Resolution | undefined;
  /** The first answer for which everything was there, or known not to be had. Rejects with the signal's reason. */
  readonly ready: Promise<Resolution>;
  /** What the root owns between itself and the pods, at present. */
  readonly owned: readonly KubeObject[];
  /** An object that is watched for this workload, by UID. */
  object(uid: string): KubeObject | undefined;
}

/** Watches what a workload owns and tells what its kind says of it. Disposing lets go of the reflectors. */
export function watchWorkload(options: WorkloadWatchOptions): WorkloadWatch {
  return new Watcher(options);
}

/** Milliseconds. */
const LONG_PASS = 10;

const OWNER_KIND_WAIT_MS = 2_000;

const NO_MEMBERS: MemberSnapshot = { members: Object.freeze([]), count: 0 };

/** What is judged with: replaced as a whole, so that root, plan and layers always fit each other. */
interface Active {
  readonly root: KubeObject;
  readonly watches: readonly PlannedWatch[];
  readonly pods: PlannedWatch | undefined;
}

class Watcher implements WorkloadWatch {
  readonly ready: Promise<Resolution>;
  current: Resolution | undefined;
  readonly #options: WorkloadWatchOptions;
  readonly #rule: Rule;
  readonly #ready = Promise.withResolvers<Resolution>();
  readonly #rootLease: ReflectorLease;
  readonly #rootSubscription: Disposable;
  readonly #watches: WatchSet;
  readonly #ownerKinds: OwnerKinds;
  readonly #judging: Judging;
  readonly #members: Members;
  /** As in the last resolution. */
  #snapshot: MemberSnapshot = NO_MEMBERS;
  readonly #problems = new ProblemList();
  readonly #onAbort = (): void => this.#close();

  #rootUid: string | undefined;
  #active: Active | undefined;
  /** Takes over when all that it wants is there; till then the last one goes on. */
  #pending: Active | undefined;
  /** Watches of owner kinds that were met; only where no kind claims the root. */
  #met: readonly PlannedWatch[] = [];
  #layers: readonly Layer[] = [];
  #missing: readonly ResourceType[] = [];
  #ownership: Ownership | undefined;
  #ownedUids: ReadonlySet<string> = new Set();
  #planProblem: KinsyncError | undefined;

  #isReady = false;
  #isClosed = false;
  #rootChanged = true;
  #structureChanged = false;
  readonly #changedPods = new Set<string>();
  /** Takes back the pass that is due. */
  #cancel: (() => void) | undefined;
  #restUntil = 0;

  constructor(options: WorkloadWatchOptions) {
    this.#options = options;
    const { ref, reflectors, cluster, signal } = options;
    this.#rule = ruleOf(options.kind, ref);
    this.#judging = new Judging(this.#rule);
    this.#members = new Members(ref.namespace);
    this.ready = this.#ready.promise;
    // Whoever does not wait for it must not be told of its end.
    this.ready.catch(() => undefined);
    this.#watches = new WatchSet({
      reflectors,
      onChange: (key, changes) => this.#onChange(key, changes),
      onStatus: () => this.#schedule(),
    });
    this.#ownerKinds = new OwnerKinds({
      cluster,
      waitMs: options.ownerKindWaitMs ?? OWNER_KIND_WAIT_MS,
      onFound: (resource) => this.#watchOwnerKind(resource),
      onChange: () => this.#schedule(),
    });
    this.#rootLease = reflectors.acquire({
      resource: ref.resource,
      name: ref.name,
      ...(ref.resource.namespaced === false ? {} : { namespace: ref.namespace }),
    });
    this.#rootSubscription = this.#rootLease.reflector.subscribe({
      onChange: () => {
        this.#rootChanged = true;
        this.#schedule();
      },
      onStatus: () => this.#schedule(),
    });
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#close();
    else this.#schedule();
  }

  get owned(): readonly KubeObject[] {
    return this.#ownership?.owned ?? [];
  }

  object(uid: string): KubeObject | undefined {
    const root = this.#rootLease.reflector.store.get(uid);
    if (root !== undefined) return root;
    for (const { store } of this.#layers) {
      const object = store.get(uid);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { signal } = this.#options;
    signal.removeEventListener("abort", this.#onAbort);
    this.#cancel?.();
    this.#ownerKinds[Symbol.dispose]();
    this.#rootSubscription[Symbol.dispose]();
    this.#rootLease[Symbol.dispose]();
    this.#watches[Symbol.dispose]();
    this.#ready.reject(signal.aborted ? signal.reason : new Error("the workload is no longer watched"));
  }

  /**
   * All that comes in one turn of the event loop is looked at once. After a long pass (thousands of pods judged anew) the next
   * one waits for as long as that took, so that a storm of events leaves half of the time to others.
   */
  #schedule(): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    const run = (): void => {
      this.#cancel = undefined;
      const started = performance.now();
      this.#pass();
      const ended = performance.now();
      const took = ended - started;
      this.#restUntil = took > LONG_PASS ? ended + took : 0;
    };
    const rest = this.#restUntil - performance.now();
    if (rest > 0) {
      const timer = setTimeout(run, rest);
      this.#cancel = () => clearTimeout(timer);
    } else {
      const immediate = setImmediate(run);
      this.#cancel = () => clearImmediate(immediate);
    }
  }

  #pass(): void {
    if (this.#rootChanged) this.#takeRoot();
    this.#swapPlan();
    this.#checkMissing();
    if (this.#active === undefined) this.#forget();
    else if (this.#structureChanged || !this.#judging.isReady) this.#judgeAll(this.#active);
    else this.#judgeChanged(this.#active);
    this.#structureChanged = false;
    this.#changedPods.clear();
    this.#publish();
  }

  // What to watch.

  #takeRoot(): void {
    this.#rootChanged = false;
    this.#structureChanged = true;
    const [root] = this.#rootLease.reflector.store.values();
    if (root === undefined) {
      this.#active = undefined;
      this.#pending = undefined;
      return;
    }
    // Applied again under its name: what was said of a pod concerned another root.
    if (this.#rootUid !== root.metadata.uid) this.#members.forgetAll();
    this.#rootUid = root.metadata.uid;
    let next: Active;
    try {
      next = { root, ...planWatches(this.#rule.plan(root), this.#options.ref, this.#rule.kind) };
      this.#planProblem = undefined;
    } catch (error) {
      this.#planProblem = asKinsyncError(error);
      next = { root, watches: this.#active?.watches ?? [], pods: this.#active?.pods };
    }
    this.#pending = next;
    for (const planned of plannedOf(next)) this.#hold(planned);
  }

  #swapPlan(): void {
    const next = this.#pending;
    if (next === undefined || !this.#watches.isSettled(plannedOf(next))) return;
    const former = this.#active;
    this.#pending = undefined;
    this.#active = next;
    this.#structureChanged = true;
    this.#watches.keep([...plannedOf(next), ...this.#met]);
    this.#rebuildLayers();
    const pods = this.#podsOf(next);
    if (former?.pods?.key !== next.pods?.key && pods !== undefined) {
      this.#members.forgetOthers((uid) => pods.get(uid) !== undefined);
    }
  }

  #hold(planned: PlannedWatch): void {
    const reflector = this.#watches.hold(planned);
    if (reflector === undefined || !this.#rule.followsOwners) return;
    // A shared reflector has told its news already.
    for (const object of reflector.store.values()) this.#meetOwners(object);
  }

  #rebuildLayers(): void {
    const planned = this.#active === undefined ? [] : plannedOf(this.#active);
    this.#layers = this.#watches.layersOf([...planned, ...this.#met]);
  }

  #podsOf({ pods }: Active): ObjectStore | undefined {
    return pods === undefined ? undefined : this.#watches.get(pods)?.store;
  }

  #onChange(key: string, changes: readonly StoreChange[]): void {
    if (key === this.#active?.pods?.key) {
      for (const { object, type } of changes) {
        const { uid } = object.metadata;
        this.#changedPods.add(uid);
        if (type === "deleted") this.#members.forget(uid);
        // A pod that owns something stands between root and pods, as a leader does.
        if (this.#ownedUids.has(uid) || ownsAnything(uid, this.#layers)) this.#structureChanged = true;
      }
    } else {
      this.#structureChanged = true;
    }
    if (this.#rule.followsOwners) for (const { object } of changes) this.#meetOwners(object);
    this.#schedule();
  }

  #meetOwners(object: KubeObject): void {
    for (const reference of object.metadata.ownerReferences ?? []) {
      if (this.object(reference.uid) === undefined) this.#ownerKinds.meet(reference);
    }
  }

  #watchOwnerKind(resource: ResourceType): void {
    const { ref } = this.#options;
    // What is cluster-scoped has cluster-scoped owners only: nothing leads back into a namespace.
    if (resource.namespaced === false && ref.resource.namespaced !== false) return;
    const planned = planOwnerWatch(resource, ref, this.#options.ownerKindWaitMs ?? OWNER_KIND_WAIT_MS);
    this.#met = [...this.#met, planned];
    this.#hold(planned);
    this.#rebuildLayers();
    this.#structureChanged = true;
  }

  // Judging.

  #checkMissing(): void {
    if (this.#active === undefined) return;
    const missing = this.#active.watches
      .filter((planned) => this.#watches.get(planned)?.isUnavailable ?? false)
      .map((planned) => planned.spec.resource);
    if (missing.length === this.#missing.length && missing.every((resource, at) => resource === this.#missing[at])) {
      return;
    }
    this.#missing = missing;
    this.#structureChanged = true;
  }

  #forget(): void {
    this.#ownership = undefined;
    this.#ownedUids = new Set();
    this.#judging.reset();
    this.#members.clear();
  }

  #judgeAll(active: Active): void {
    const { root } = active;
    const ownership = walkDown(root, this.#layers);
    this.#ownership = ownership;
    this.#ownedUids = new Set(ownership.owned.map((object) => object.metadata.uid));
    this.#judging.forget();
    const owned = this.#allOwnedPods(active, ownership);
    const pods = this.#rule.judgesSet ? [...owned] : [];
    this.#judging.judge({ root, owned: ownership.owned, pods, missing: [...this.#missing] });
    this.#members.replace(owned.map((one) => [one, this.#judging.verdict(one)] as const));
  }

  /** One pod's event costs the judgement of that pod. */
  #judgeChanged(active: Active): void {
    const store = this.#podsOf(active);
    if (store === undefined || this.#changedPods.size === 0) return;
    const judged = new Map<string, readonly [OwnedPod, Verdict] | undefined>();
    for (const uid of this.#changedPods) {
      this.#judging.forget(uid);
      const pod = store.get(uid);
      const owned = pod === undefined ? undefined : this.#ownedPod(active, pod as Pod);
      if (owned === undefined && !this.#members.has(uid)) continue;
      if (this.#rule.judgesSet) {
        this.#judgeAll(active);
        return;
      }
      judged.set(uid, owned === undefined ? undefined : [owned, this.#judging.verdict(owned)]);
    }
    this.#members.update(judged);
  }

  /** Sorted by UID. */
  #allOwnedPods(active: Active, ownership: Ownership): OwnedPod[] {
    if (this.#rule.rootIsMember) return [ownedPod(active.root as Pod, [], "owner")];
    if (!this.#takesByLabels) {
      const mode = active.pods?.owner ?? "controller";
      return ownership.pods.map((pod) => ownedPod(pod as Pod, ownership.chainOf(pod, mode) ?? [], "owner"));
    }
    const pods = [...(this.#podsOf(active)?.values() ?? [])];
    const found = pods.flatMap((pod) => this.#ownedPod(active, pod as Pod) ?? []);
    return found.sort((a, b) => (a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1));
  }

  #ownedPod(active: Active, pod: Pod): OwnedPod | undefined {
    const chain = this.#ownership?.chainOf(pod, active.pods?.owner ?? "controller");
    if (chain !== undefined) return ownedPod(pod, chain, "owner");
    return this.#takesByLabels && this.#isClaimed(active.root, pod) ? ownedPod(pod, [], "labels") : undefined;
  }

  /** A watch cannot be had, and the kind can do without. */
  get #takesByLabels(): boolean {
    return this.#rule.canClaim && this.#missing.length > 0;
  }

  /** Not where the owner is known to be another's. */
  #isClaimed(root: KubeObject, pod: Pod): boolean {
    const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
    if (controller !== undefined && this.object(controller.uid) !== undefined) return false;
    return this.#judging.claims(root, pod);
  }

  // Telling.

  #isAllThere(): boolean {
    return (
      this.#rootLease.reflector.isSettled &&
      this.#pending === undefined &&
      this.#ownerKinds.isSettled &&
      this.#watches.isSettled(this.#met)
    );
  }

  #publish(): void {
    const problems = this.#problems.update(this.#currentProblems());
    const becomesReady = !this.#isReady && this.#isAllThere();
    if (becomesReady) this.#isReady = true;
    if (!this.#isReady && problems.length === 0) return;
    const { current } = this;
    const root = this.#active?.root ?? this.#pending?.root;
    const note = this.#isReady ? this.#judging.note : undefined;
    // Before `ready` members are not told, so that half a list never looks like the whole.
    const hasChanges = this.#isReady && this.#members.hasChanges;
    const isSame =
      current !== undefined &&
      current.root === root &&
      !hasChanges &&
      current.problems === problems &&
      sameJson(current.note, note);
    if (!isSame) {
      const changes = hasChanges ? this.#members.takeChanges() : [];
      if (hasChanges) this.#snapshot = this.#members.snapshot();
      this.current = resolutionOf({
        workload: this.#options.ref,
        kind: this.#rule.kind,
        root,
        note,
        problems,
        snapshot: this.#snapshot,
      });
      this.#options.onResolution?.(this.current, changes);
    }
    if (becomesReady && this.current !== undefined) this.#ready.resolve(this.current);
  }

  *#currentProblems(): Generator<KinsyncError, void, undefined> {
    const { ref } = this.#options;
    const root = this.#rootLease.reflector;
    if ("error" in root.status) yield this.#problems.ofWatch(root.status.error, root, ref, "no-root");
    if (this.#planProblem !== undefined) yield this.#planProblem;
    const planned = [this.#active, this.#pending].flatMap((active) => (active === undefined ? [] : plannedOf(active)));
    for (const one of new Map([...planned, ...this.#met].map((each) => [each.key, each])).values()) {
      const reflector = this.#watches.get(one);
      if (reflector === undefined) continue;
      if (reflector.complaint !== undefined) yield reflector.complaint;
      if (one.waitMs !== undefined) {
        const missing = this.#watches.missing(one);
        if (missing === "overdue") yield this.#problems.ofOverdue(reflector, ref);
        // A short outage is not worth a report.
        if (missing !== undefined) continue;
      }
      if (!("error" in reflector.status)) continue;
      // Going on without it is the kind's choice; taking pods by labels instead is to be seen.
      if (one.isOptional && reflector.isUnavailable && !this.#members.hasAnyByLabels) continue;
      const fallback = this.#rule.canClaim && !isPods(one.spec.resource) ? "labels" : "no-members";
      yield this.#problems.ofWatch(reflector.status.error, reflector, ref, fallback);
    }
    yield* this.#ownerKinds.problems();
    yield* this.#judging.problems();
  }
}

function plannedOf(active: Active): readonly PlannedWatch[] {
  return active.pods === undefined ? active.watches : [active.pods, ...active.watches];
}

function ownedPod(pod: Pod, owners: readonly KubeObject[], by: OwnedPod["by"]): OwnedPod {
  return Object.freeze({ pod, owners, by });
}

function resolutionOf({
  snapshot,
  ...rest
}: Omit<Resolution, "members" | "memberCount"> & { readonly snapshot: MemberSnapshot }): Resolution {
  return {
    ...rest,
    memberCount: snapshot.count,
    get members() {
      return snapshot.members;
    },
  };
}
