// In more than 300 lines: one state machine, whose root, plan, layers and verdicts are replaced together within one pass.
import type { OwnedPod } from "../../contract/kind.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import type { KinsyncError } from "../../errors/error.ts";
import { Members, type JudgedPod } from "./members.ts";
import { KindLoader } from "./kind-loader.ts";
import { OwnerKinds } from "./owner-kinds.ts";
import { ownsAnything, type Layer } from "./ownership.ts";
import { ProblemList } from "./problems.ts";
import type { ReflectorLease } from "../../kube/reflector-pool.ts";
import type { Resolution } from "../resolution.ts";
import { isPods } from "../../kube/resource-path.ts";
import { ruleOf, type Rule } from "./rule.ts";
import type { Scope } from "./scope.ts";
import { ScopeWatch } from "./scope-watch.ts";
import type { StoreChange } from "../../kube/store.ts";
import { planOwnerWatch, type PlannedWatch } from "./watch-spec.ts";
import { WatchSet } from "./watch-set.ts";
import { PassSchedule } from "./pass-schedule.ts";
import { ResolutionPublisher } from "./resolution-publisher.ts";
import { notesOfRoot } from "./root-notes.ts";
import type { WorkloadWatch, WorkloadWatchOptions } from "./watch-options.ts";
import { problemsOfWatches } from "./watch-problems.ts";

/** Watches what a workload owns and reports its kind's verdicts. Disposing releases the reflectors. */
export function watchWorkload(options: WorkloadWatchOptions): WorkloadWatch {
  return new Watcher(options);
}

const OWNER_KIND_WAIT_MS = 2_000;

class Watcher implements WorkloadWatch {
  readonly #options: WorkloadWatchOptions;
  readonly #rule: Rule;
  readonly #rootLease: ReflectorLease;
  readonly #rootSubscription: Disposable;
  readonly #watches: WatchSet;
  readonly #ownerKinds: OwnerKinds;
  readonly #kinds: KindLoader;
  readonly #top: ScopeWatch;
  readonly #members: Members;
  readonly #problems = new ProblemList();
  readonly #publisher: ResolutionPublisher;
  readonly #schedule = new PassSchedule(() => this.#pass());
  readonly #onAbort = (): void => this.#close();
  #rootUid: string | undefined;
  /** The last judgement of root and owned objects; `undefined` while there is no root. */
  #scope: Scope | undefined;
  /** Watches of owner kinds that appeared; only where no kind supports the root. */
  #met: readonly PlannedWatch[] = [];
  /** The layers of the current scope. */
  #layers: readonly Layer[] = [];
  #podKeys: ReadonlySet<string> = new Set();
  #ownedUids: ReadonlySet<string> = new Set();
  #isClosed = false;
  #rootChanged = true;
  /** In place of the root until it is listed. */
  #found: KubeObject | undefined;
  #structureChanged = false;
  readonly #changedPods = new Set<string>();

  constructor(options: WorkloadWatchOptions) {
    this.#options = options;
    const { ref, reflectors, cluster, signal } = options;
    this.#rule = ruleOf(options.kind, ref);
    this.#found = options.root;
    this.#members = new Members(ref.namespace);
    this.#publisher = new ResolutionPublisher({
      ref,
      kind: this.#rule.kind,
      members: this.#members,
      onResolution: (resolution, changes) => options.onResolution?.(resolution, changes),
    });
    this.#watches = new WatchSet({
      reflectors,
      onChange: (key, changes) => this.#onChange(key, changes),
      onStatus: () => this.#schedule.request(),
    });
    const { kinds } = options;
    this.#kinds = new KindLoader(typeof kinds === "function" ? kinds : () => kinds, () => this.#schedule.request());
    this.#top = new ScopeWatch({
      context: {
        watches: this.#watches,
        kinds: this.#kinds,
        hold: (planned) => this.#hold(planned),
        find: (uid) => this.object(uid),
      },
      rule: this.#rule,
      namespaces: [ref.namespace],
      path: [],
    });
    this.#ownerKinds = new OwnerKinds({
      cluster,
      waitMs: options.ownerKindWaitMs ?? OWNER_KIND_WAIT_MS,
      onFound: (resource) => this.#watchOwnerKind(resource),
      onChange: () => this.#schedule.request(),
    });
    this.#rootLease = reflectors.acquire({
      resource: ref.resource,
      name: ref.name,
      ...(ref.resource.namespaced === false ? {} : { namespace: ref.namespace }),
    });
    this.#rootSubscription = this.#rootLease.reflector.subscribe({
      onChange: () => {
        this.#rootChanged = true;
        this.#schedule.request();
      },
      onStatus: () => {
        if (this.#found !== undefined && this.#rootLease.reflector.isSettled) this.#rootChanged = true;
        this.#schedule.request();
      },
    });
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#close();
    else this.#schedule.request();
  }

  get current(): Resolution | undefined {
    return this.#publisher.current;
  }

  get ready(): Promise<Resolution> {
    return this.#publisher.ready;
  }

  get owned(): readonly KubeObject[] {
    return this.#scope === undefined ? [] : [...this.#scope.all()].flatMap(({ ownership }) => ownership.owned);
  }

  isJudgedBy(resource: ResourceType): boolean {
    const { group, kind } = this.#options.ref.resource;
    return (resource.group === group && resource.kind === kind) || this.#kinds.hasLookedUp(resource);
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
    this.#schedule[Symbol.dispose]();
    this.#ownerKinds[Symbol.dispose]();
    this.#rootSubscription[Symbol.dispose]();
    this.#rootLease[Symbol.dispose]();
    this.#watches[Symbol.dispose]();
    this.#publisher.close(signal.aborted ? signal.reason : new Error("the workload is no longer watched"));
  }

  #pass(): void {
    if (this.#rootChanged) this.#takeRoot();
    if (this.#top.advance()) this.#structureChanged = true;
    if (this.#structureChanged) this.#judgeAll();
    else this.#judgeChanged();
    this.#structureChanged = false;
    const scope = this.#scope;
    // After they are judged, since a member that goes leaves its last verdict.
    if (scope !== undefined) {
      for (const uid of this.#changedPods) if (scope.pod(uid) === undefined) this.#members.forget(uid);
    }
    this.#changedPods.clear();
    this.#publish();
  }

  // What to watch.

  #takeRoot(): void {
    this.#rootChanged = false;
    this.#structureChanged = true;
    const { reflector } = this.#rootLease;
    if (reflector.isSettled) this.#found = undefined;
    const [root = this.#found] = reflector.store.values();
    if (root === undefined) {
      this.#top.clear();
      return;
    }
    // Created again under its name: the verdicts concerned another root.
    if (this.#rootUid !== root.metadata.uid) this.#members.forgetAll();
    this.#rootUid = root.metadata.uid;
    this.#top.take(root);
  }

  #hold(planned: PlannedWatch): void {
    const reflector = this.#watches.hold(planned);
    if (reflector === undefined || !this.#rule.followsOwners) return;
    // A shared reflector has emitted its objects already.
    for (const object of reflector.store.values()) this.#meetOwners(object);
  }

  #onChange(key: string, changes: readonly StoreChange[]): void {
    if (this.#podKeys.has(key)) {
      for (const { object } of changes) {
        const { uid } = object.metadata;
        this.#changedPods.add(uid);
        // A pod that owns something is between root and pods, such as a leader.
        if (this.#ownedUids.has(uid) || ownsAnything(uid, this.#layers)) this.#structureChanged = true;
      }
    } else {
      this.#structureChanged = true;
    }
    if (this.#rule.followsOwners) for (const { object } of changes) this.#meetOwners(object);
    this.#schedule.request();
  }

  #meetOwners(object: KubeObject): void {
    for (const reference of object.metadata.ownerReferences ?? []) {
      if (this.object(reference.uid) === undefined) this.#ownerKinds.meet(reference);
    }
  }

  #watchOwnerKind(resource: ResourceType): void {
    const { ref } = this.#options;
    // A cluster-scoped object has only cluster-scoped owners: no reference leads back into a namespace.
    if (resource.namespaced === false && ref.resource.namespaced !== false) return;
    const planned = planOwnerWatch(resource, ref.namespace, this.#options.ownerKindWaitMs ?? OWNER_KIND_WAIT_MS);
    this.#met = [...this.#met, planned];
    this.#hold(planned);
    this.#structureChanged = true;
  }

  // Judging.

  #judgeAll(): void {
    const scope = this.#top.build(this.#watches.layersOf(this.#met));
    const hasOtherPods = this.#useScope(scope);
    if (scope === undefined) {
      this.#members.clear();
      return;
    }
    this.#members.replace(scope.ownedPods().map((owned) => judgedPod(scope, owned)));
    // After they are judged, since a member that goes leaves its last verdict.
    if (hasOtherPods) this.#members.forgetOthers((uid) => scope.pod(uid) !== undefined);
  }

  /** @returns whether other pods may be watched than before */
  #useScope(scope: Scope | undefined): boolean {
    const scopes = scope === undefined ? [] : [...scope.all()];
    const wasMissing = this.#scope === undefined;
    this.#scope = scope;
    this.#layers = scopes.flatMap(({ sources }) => [...sources.pods, ...sources.layers]);
    this.#ownedUids = new Set(scopes.flatMap(({ ownership }) => ownership.owned.map(({ metadata }) => metadata.uid)));
    const planned = [...this.#top.planned()].map((one) => one.planned);
    if (scope === undefined) return false;
    // New watches are not used before they are listed, so that the old ones stay until then.
    this.#watches.keep([...planned, ...this.#met]);
    const podKeys = new Set(planned.filter(({ spec }) => isPods(spec.resource)).map(({ key }) => key));
    const isSame = podKeys.size === this.#podKeys.size && [...podKeys].every((key) => this.#podKeys.has(key));
    this.#podKeys = podKeys;
    return !isSame || wasMissing;
  }

  /** One pod's event costs the judgement of that pod. */
  #judgeChanged(): void {
    const scope = this.#scope;
    if (scope === undefined || this.#changedPods.size === 0) return;
    const judged = new Map<string, JudgedPod | undefined>();
    for (const uid of this.#changedPods) {
      scope.forget(uid);
      const pod = scope.pod(uid);
      const owned = pod === undefined ? undefined : scope.ownedPod(pod);
      if (owned === undefined && !this.#members.has(uid)) continue;
      if (scope.judgesSet) {
        this.#judgeAll();
        return;
      }
      judged.set(uid, owned === undefined ? undefined : judgedPod(scope, owned));
    }
    this.#members.update(judged);
  }

  // Reporting.

  #isAllThere(): boolean {
    return (
      this.#rootLease.reflector.isSettled &&
      this.#top.isSettled &&
      this.#ownerKinds.isSettled &&
      this.#watches.isSettled(this.#met)
    );
  }

  #publish(): void {
    const scope = this.#scope;
    this.#publisher.publish({
      root: this.#top.root,
      problems: this.#problems.update(this.#currentProblems()),
      isComplete: this.#isAllThere(),
      notes: () =>
        scope === undefined ? [] : [...notesOfRoot(scope.root, this.#rule, this.#options.ref), ...scope.notes],
      roles: () => scope?.roles,
    });
  }

  *#currentProblems(): Generator<KinsyncError, void, undefined> {
    const { ref } = this.#options;
    const root = this.#rootLease.reflector;
    if ("error" in root.status) yield this.#problems.ofWatch(root.status.error, root, ref, "no-root");
    yield* this.#top.problems();
    const met = this.#met.map((planned) => ({ planned, rule: this.#rule, isReference: false }));
    yield* problemsOfWatches([...this.#top.planned(), ...met], {
      watches: this.#watches,
      problems: this.#problems,
      ref,
      members: this.#members,
    });
    yield* this.#ownerKinds.problems();
    yield* this.#scope?.problems() ?? [];
  }
}

function judgedPod(scope: Scope, owned: OwnedPod): JudgedPod {
  return { owned, verdict: scope.verdict(owned), defaults: scope.containerDefaults(owned) };
}
