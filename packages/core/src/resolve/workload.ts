import type { ClusterConnection } from "../contract/cluster.ts";
import { verdictOfInactivePod, type KindPlugin, type OwnedPod, type Reason, type Verdict } from "../contract/kind.ts";
import type { KubeObject, Pod, ResourceType } from "../contract/resource.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import type { HostedJudgement } from "../plugins/host.ts";
import { withChanges, type MemberChange } from "./member-order.ts";
import { OwnerKinds } from "./owner-kinds.ts";
import { ownsAnything, walkDown, type Layer, type Ownership } from "./ownership.ts";
import { ProblemList } from "./problems.ts";
import type { Reflector } from "./reflector.ts";
import type { ReflectorLease, ReflectorPool } from "./reflectors.ts";
import type { Member, Resolution, WorkloadRef } from "./resolution.ts";
import { isPods } from "./resource-path.ts";
import { ruleOf, type Rule } from "./rule.ts";
import type { StoreChange } from "./store.ts";
import { containersOf } from "./targets.ts";
import { sameJson } from "./trim.ts";
import { planWatches, type PlannedWatch } from "./watch-plan.ts";

export interface WorkloadWatchOptions {
  readonly cluster: ClusterConnection;
  readonly reflectors: ReflectorPool;
  readonly ref: WorkloadRef;
  /** `undefined` where no kind claims the root: the rule is "owned and alive". */
  readonly kind: KindPlugin | undefined;
  readonly signal: AbortSignal;
  /**
   * Called when anything differs from the last one, never within `watchWorkload` itself. Before `ready` only where there is a
   * problem to tell; such an answer has no members.
   */
  readonly onResolution?: (resolution: Resolution) => void;
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

/** A reflector that this workload holds, with the work that its news mean. */
interface Held {
  readonly lease: ReflectorLease;
  readonly subscription: Disposable;
}

/** What is judged with: replaced as a whole, so that root, plan and layers always fit each other. */
interface Active {
  readonly root: KubeObject;
  readonly watches: readonly PlannedWatch[];
  readonly pods: PlannedWatch | undefined;
}

/** What a kind last said of a pod when it could tell. */
type Memory = Pick<Member, "state" | "role" | "index">;

class Watcher implements WorkloadWatch {
  readonly ready: Promise<Resolution>;
  current: Resolution | undefined;
  readonly #options: WorkloadWatchOptions;
  readonly #rule: Rule;
  readonly #ready = Promise.withResolvers<Resolution>();
  readonly #held = new Map<string, Held>();
  readonly #rootLease: ReflectorLease;
  readonly #rootSubscription: Disposable;
  readonly #ownerKinds: OwnerKinds;
  readonly #problems = new ProblemList();
  readonly #onAbort = (): void => this.#close();
  /** Watches of owner kinds that were met; only where no kind claims the root. */
  readonly #met: PlannedWatch[] = [];

  #active: Active | undefined;
  #pending: Active | undefined;
  #layers: readonly Layer[] = [];
  #ownership: Ownership | undefined;
  #ownedUids: ReadonlySet<string> = new Set();
  #judgement: HostedJudgement | undefined;
  #missing: readonly ResourceType[] = [];
  #rootUid: string | undefined;
  #isReady = false;
  #isClosed = false;

  readonly #memory = new Map<string, Memory>();
  readonly #members = new Map<string, Member>();
  #sorted: readonly Member[] = [];
  #note: Reason | undefined;
  #planProblem: KinsyncError | undefined;
  #judgeProblem: KinsyncError | undefined;
  readonly #podProblems = new Map<string, KinsyncError>();

  #rootChanged = true;
  #structureChanged = false;
  readonly #changedPods = new Set<string>();
  #scheduled: NodeJS.Immediate | undefined;

  constructor(options: WorkloadWatchOptions) {
    this.#options = options;
    const { ref, reflectors, cluster, signal } = options;
    this.#rule = ruleOf(options.kind, ref);
    this.ready = this.#ready.promise;
    // Whoever does not wait for it must not be told of its end.
    this.ready.catch(() => undefined);
    this.#ownerKinds = new OwnerKinds({
      cluster,
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
    clearImmediate(this.#scheduled);
    this.#ownerKinds[Symbol.dispose]();
    this.#rootSubscription[Symbol.dispose]();
    this.#rootLease[Symbol.dispose]();
    for (const { lease, subscription } of this.#held.values()) {
      subscription[Symbol.dispose]();
      lease[Symbol.dispose]();
    }
    this.#held.clear();
    this.#ready.reject(signal.aborted ? signal.reason : new Error("the workload is no longer watched"));
  }

  /** All that comes in one turn of the event loop is looked at once. */
  #schedule(): void {
    if (this.#isClosed) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#pass();
    });
  }

  #pass(): void {
    if (this.#rootChanged) this.#takeRoot();
    this.#swapPlan();
    this.#checkMissing();
    if (this.#active === undefined) this.#forget();
    else if (this.#structureChanged || this.#judgement === undefined) this.#judgeAll(this.#active);
    else this.#judgeChanged(this.#active);
    this.#structureChanged = false;
    this.#changedPods.clear();
    this.#publish();
  }

  // ---- what to watch

  #takeRoot(): void {
    this.#rootChanged = false;
    const [root] = this.#rootLease.reflector.store.values();
    this.#structureChanged = true;
    if (root === undefined) {
      this.#active = undefined;
      this.#pending = undefined;
      return;
    }
    // Applied again under its name: what was said of a pod concerned another root.
    if (this.#rootUid !== root.metadata.uid) this.#memory.clear();
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

  /** The next plan takes over when all that it wants is there or known not to be had; till then the last one goes on. */
  #swapPlan(): void {
    const next = this.#pending;
    if (next === undefined) {
      if (this.#active !== undefined) this.#releaseUnused(this.#active);
      return;
    }
    if (!plannedOf(next).every((planned) => this.#reflectorOf(planned)?.isSettled ?? false)) return;
    this.#pending = undefined;
    this.#active = next;
    this.#structureChanged = true;
    this.#releaseUnused(next);
    this.#rebuildLayers();
  }

  #hold(planned: PlannedWatch): void {
    if (this.#held.has(planned.key)) return;
    const lease = this.#options.reflectors.acquire(planned.spec);
    const subscription = lease.reflector.subscribe({
      onChange: (changes) => this.#onChange(planned.key, changes),
      onStatus: () => this.#schedule(),
    });
    this.#held.set(planned.key, { lease, subscription });
    // A shared reflector has told its news already.
    if (this.#rule.followsOwners) for (const object of lease.reflector.store.values()) this.#meetOwners(object);
  }

  #releaseUnused(active: Active): void {
    const wanted = new Set([...plannedOf(active), ...this.#met].map(({ key }) => key));
    for (const { key } of this.#pending === undefined ? [] : plannedOf(this.#pending)) wanted.add(key);
    for (const [key, { lease, subscription }] of this.#held) {
      if (wanted.has(key)) continue;
      this.#held.delete(key);
      subscription[Symbol.dispose]();
      lease[Symbol.dispose]();
    }
  }

  #rebuildLayers(): void {
    const planned = this.#active === undefined ? [] : [...plannedOf(this.#active), ...this.#met];
    this.#layers = planned.flatMap((one) => {
      const reflector = this.#reflectorOf(one);
      return reflector === undefined ? [] : [{ resource: one.spec.resource, owner: one.owner, store: reflector.store }];
    });
  }

  #reflectorOf(planned: PlannedWatch): Reflector | undefined {
    return this.#held.get(planned.key)?.lease.reflector;
  }

  #onChange(key: string, changes: readonly StoreChange[]): void {
    if (key === this.#active?.pods?.key) {
      for (const { object, type } of changes) {
        const { uid } = object.metadata;
        this.#changedPods.add(uid);
        if (type === "deleted") this.#memory.delete(uid);
        // A pod that owns something stands between root and pods, as a leader does.
        if (this.#ownedUids.has(uid) || ownsAnything(uid, this.#layers)) this.#structureChanged = true;
      }
    } else {
      this.#structureChanged = true;
    }
    if (this.#rule.followsOwners) for (const { object } of changes) this.#meetOwners(object);
    this.#schedule();
  }

  // ---- owner kinds that are met on the way, where no kind claims the root

  #meetOwners(object: KubeObject): void {
    for (const reference of object.metadata.ownerReferences ?? []) {
      if (this.object(reference.uid) === undefined) this.#ownerKinds.meet(reference);
    }
  }

  #watchOwnerKind(resource: ResourceType): void {
    const { ref } = this.#options;
    // What is cluster-scoped has cluster-scoped owners only: nothing leads back into a namespace.
    if (resource.namespaced === false && ref.resource.namespaced !== false) return;
    const plan = { watches: [{ resource, owner: "any", metadataOnly: true } as const] };
    for (const planned of planWatches(plan, ref, undefined).watches) {
      this.#met.push(planned);
      this.#hold(planned);
    }
    this.#rebuildLayers();
    this.#structureChanged = true;
  }

  // ---- judging

  #checkMissing(): void {
    if (this.#active === undefined) return;
    const missing = this.#active.watches
      .filter((planned) => this.#reflectorOf(planned)?.isUnavailable ?? false)
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
    this.#judgement = undefined;
    this.#note = undefined;
    this.#judgeProblem = undefined;
    this.#podProblems.clear();
    this.#members.clear();
    if (this.#sorted.length > 0) this.#sorted = [];
  }

  #judgeAll(active: Active): void {
    const { root } = active;
    const ownership = walkDown(root, this.#layers);
    this.#ownership = ownership;
    this.#ownedUids = new Set(ownership.owned.map((object) => object.metadata.uid));
    this.#podProblems.clear();
    const owned = this.#allOwnedPods(active, ownership);
    this.#judgement = this.#judge(active, ownership, this.#rule.judgesSet ? owned : []);
    this.#note = noteOfTermination(root) ?? this.#judgement.note;
    const changed = new Map<string, MemberChange>();
    const present = new Set<string>();
    for (const one of owned) {
      const { uid } = one.pod.metadata;
      present.add(uid);
      const before = this.#members.get(uid);
      const after = this.#member(one, this.#verdict(this.#judgement, one), before);
      if (after !== before) changed.set(uid, { before, after });
    }
    for (const [uid, before] of this.#members) if (!present.has(uid)) changed.set(uid, { before, after: undefined });
    this.#apply(changed);
  }

  /** One pod's event costs the judgement of that pod. */
  #judgeChanged(active: Active): void {
    const { pods } = active;
    const store = pods === undefined ? undefined : this.#reflectorOf(pods)?.store;
    const judgement = this.#judgement;
    if (store === undefined || judgement === undefined || this.#changedPods.size === 0) return;
    const changed = new Map<string, MemberChange>();
    for (const uid of this.#changedPods) {
      const before = this.#members.get(uid);
      const object = store.get(uid);
      const owned = object === undefined ? undefined : this.#ownedPod(active, object as Pod);
      if (before === undefined && owned === undefined) continue;
      if (this.#rule.judgesSet) {
        this.#judgeAll(active);
        return;
      }
      this.#podProblems.delete(uid);
      const after = owned === undefined ? undefined : this.#member(owned, this.#verdict(judgement, owned), before);
      if (after !== before) changed.set(uid, { before, after });
    }
    this.#apply(changed);
  }

  #apply(changed: ReadonlyMap<string, MemberChange>): void {
    if (changed.size === 0) return;
    for (const [uid, { after }] of changed) {
      if (after === undefined) this.#members.delete(uid);
      else this.#members.set(uid, after);
    }
    this.#sorted = withChanges(this.#sorted, changed);
  }

  #judge(active: Active, ownership: Ownership, pods: readonly OwnedPod[]): HostedJudgement {
    try {
      const judgement = this.#rule.judge({
        root: active.root,
        owned: ownership.owned,
        pods,
        missing: [...this.#missing],
      });
      this.#judgeProblem = undefined;
      return judgement;
    } catch (error) {
      this.#judgeProblem = asKinsyncError(error);
      return { note: undefined, pod: () => failedVerdict(this.#rule) };
    }
  }

  #verdict(judgement: HostedJudgement, owned: OwnedPod): Verdict {
    try {
      return judgement.pod(owned);
    } catch (error) {
      this.#podProblems.set(owned.pod.metadata.uid, asKinsyncError(error));
      return failedVerdict(this.#rule);
    }
  }

  /** Sorted by UID. */
  #allOwnedPods(active: Active, ownership: Ownership): OwnedPod[] {
    if (this.#rule.rootIsMember) return [ownedPod(active.root as Pod, [], "owner")];
    const mode = active.pods?.owner ?? "controller";
    if (!this.#rule.canClaim || this.#missing.length === 0) {
      return ownership.pods.map((pod) => ownedPod(pod as Pod, ownership.chainOf(pod, mode) ?? [], "owner"));
    }
    const store = active.pods === undefined ? undefined : this.#reflectorOf(active.pods)?.store;
    const found = [...(store?.values() ?? [])].flatMap((pod) => this.#ownedPod(active, pod as Pod) ?? []);
    return found.sort((a, b) => (a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1));
  }

  #ownedPod(active: Active, pod: Pod): OwnedPod | undefined {
    const chain = this.#ownership?.chainOf(pod, active.pods?.owner ?? "controller");
    if (chain !== undefined) return ownedPod(pod, chain, "owner");
    return this.#missing.length > 0 && this.#rule.canClaim && this.#claims(active.root, pod)
      ? ownedPod(pod, [], "labels")
      : undefined;
  }

  /** By labels, because a watch cannot be had; but not where the owner is known to be another's. */
  #claims(root: KubeObject, pod: Pod): boolean {
    const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
    if (controller !== undefined && this.object(controller.uid) !== undefined) return false;
    try {
      return this.#rule.claims(root, pod);
    } catch (error) {
      this.#podProblems.set(pod.metadata.uid, asKinsyncError(error));
      return false;
    }
  }

  #member(owned: OwnedPod, verdict: Verdict, before: Member | undefined): Member {
    const { pod, owners, by } = owned;
    const { uid, name, namespace } = pod.metadata;
    const settled = this.#settle(pod, verdict);
    if (
      before !== undefined &&
      before.pod === pod &&
      before.by === by &&
      before.state === settled.state &&
      before.unsettled === settled.unsettled &&
      before.role === settled.role &&
      before.index === settled.index &&
      before.owners.length === owners.length &&
      before.owners.every((owner, at) => owner === owners[at]) &&
      sameJson(before.reason, settled.reason)
    ) {
      return before;
    }
    return {
      pod,
      uid,
      name,
      namespace: namespace ?? this.#options.ref.namespace,
      ...settled,
      by,
      owners,
      containers: before?.pod === pod ? before.containers : containersOf(pod),
    };
  }

  /** Kinds remember nothing, so the last answer for a pod lives here. */
  #settle(pod: Pod, verdict: Verdict): Pick<Member, "state" | "unsettled" | "role" | "index" | "reason"> {
    const { uid } = pod.metadata;
    const { role, index, reason } = verdict;
    if (verdict.state !== "unsettled") {
      const { state } = verdict;
      const memory = this.#memory.get(uid);
      if (memory === undefined || memory.state !== state || memory.role !== role || memory.index !== index) {
        this.#memory.set(uid, { state, role, index });
      }
      return { state, unsettled: false, role, index, reason };
    }
    const last = this.#memory.get(uid);
    const place = { role: role ?? last?.role, index: index ?? last?.index };
    // A pod that ended needs no kind to tell so, and its last answer would be wrong.
    const inactive = verdictOfInactivePod(pod);
    if (inactive !== undefined) return { ...inactive, unsettled: false, ...place };
    return { state: last?.state ?? "unsettled", unsettled: true, ...place, reason };
  }

  // ---- telling

  #isAllThere(): boolean {
    if (!this.#rootLease.reflector.isSettled) return false;
    return (
      this.#pending === undefined &&
      this.#ownerKinds.isSettled &&
      this.#met.every((planned) => this.#reflectorOf(planned)?.isSettled ?? false)
    );
  }

  #publish(): void {
    const problems = this.#problems.update(this.#currentProblems());
    const becomesReady = !this.#isReady && this.#isAllThere();
    if (becomesReady) this.#isReady = true;
    if (!this.#isReady && problems.length === 0) return;
    const { current } = this;
    const root = this.#active?.root ?? this.#pending?.root;
    const members = this.#isReady ? this.#sorted : (current?.members ?? []);
    const note = this.#isReady ? this.#note : undefined;
    const isSame =
      current !== undefined &&
      current.root === root &&
      current.members === members &&
      current.problems === problems &&
      sameJson(current.note, note);
    if (!isSame) {
      this.current = { workload: this.#options.ref, kind: this.#rule.kind, root, members, note, problems };
      this.#options.onResolution?.(this.current);
    }
    if (becomesReady && this.current !== undefined) this.#ready.resolve(this.current);
  }

  *#currentProblems(): Generator<KinsyncError, void, undefined> {
    const { ref } = this.#options;
    const root = this.#rootLease.reflector;
    if ("error" in root.status) yield this.#problems.ofWatch(root.status.error, root, ref, undefined);
    if (this.#planProblem !== undefined) yield this.#planProblem;
    const byLabels = this.#sorted.some(({ by }) => by === "labels");
    const planned = new Map<string, PlannedWatch>();
    for (const active of [this.#active, this.#pending]) {
      for (const one of active === undefined ? [] : plannedOf(active)) planned.set(one.key, one);
    }
    for (const one of this.#met) planned.set(one.key, one);
    for (const one of planned.values()) {
      const reflector = this.#reflectorOf(one);
      if (reflector === undefined) continue;
      if (reflector.complaint !== undefined) yield reflector.complaint;
      if (!("error" in reflector.status)) continue;
      // Going on without it is the kind's choice; taking pods by labels instead is to be seen.
      if (one.isOptional && reflector.isUnavailable && !byLabels) continue;
      const way = this.#rule.canClaim && !isPods(one.spec.resource) ? "labels" : "none";
      yield this.#problems.ofWatch(reflector.status.error, reflector, ref, way);
    }
    yield* this.#ownerKinds.problems;
    if (this.#judgeProblem !== undefined) yield this.#judgeProblem;
    // One for all: a rule that fails for one pod mostly fails for a thousand.
    const [first] = this.#podProblems.values();
    if (first !== undefined) yield first;
  }
}

function plannedOf(active: Active): readonly PlannedWatch[] {
  return active.pods === undefined ? active.watches : [active.pods, ...active.watches];
}

function ownedPod(pod: Pod, owners: readonly KubeObject[], by: OwnedPod["by"]): OwnedPod {
  return Object.freeze({ pod, owners, by });
}

function failedVerdict(rule: Rule): Verdict {
  return {
    state: "unsettled",
    reason: { code: "kind-failed", message: `the kind ${rule.kind ?? ""} failed when it was asked` },
  };
}

function noteOfTermination(root: KubeObject): Reason | undefined {
  const { deletionTimestamp, name } = root.metadata;
  if (deletionTimestamp === undefined) return undefined;
  return {
    code: "root-terminating",
    message: `the ${root.kind} ${name} is being deleted`,
    evidence: { "metadata.deletionTimestamp": deletionTimestamp },
  };
}

function asKinsyncError(error: unknown): KinsyncError {
  if (isKinsyncError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new KinsyncError("KINSYNC_INTERNAL", message, { cause: error });
}
