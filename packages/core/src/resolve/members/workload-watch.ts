import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin, OwnedPod, Reason } from "../../contract/kind.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import type { KinsyncError } from "../../errors/error.ts";
import type { MemberSnapshot } from "./member-list.ts";
import { Members, type JudgedPod } from "./members.ts";
import { OwnerKinds } from "./owner-kinds.ts";
import { ownsAnything, type Layer } from "./ownership.ts";
import { ProblemList } from "./problems.ts";
import type { ReflectorLease, ReflectorPool } from "../../kube/reflector-pool.ts";
import type { MemberChange, Resolution, WorkloadRef } from "../resolution.ts";
import { isPods } from "../../kube/resource-path.ts";
import { ruleOf, type Rule } from "./rule.ts";
import type { Scope } from "./scope.ts";
import { ScopeWatch } from "./scope-watch.ts";
import type { StoreChange } from "../../kube/store.ts";
import { sameJson } from "../../kube/trim.ts";
import { planOwnerWatch, type PlannedWatch } from "./watch-spec.ts";
import { WatchSet } from "./watch-set.ts";

export interface WorkloadWatchOptions {
  readonly cluster: ClusterConnection;
  readonly reflectors: ReflectorPool;
  readonly ref: WorkloadRef;
  /** `undefined` where no kind supports the root: the rule is "owned and alive". */
  readonly kind: KindPlugin | undefined;
  /** All loaded kinds: they judge the children that a kind delegates. */
  readonly kinds: readonly KindPlugin[];
  readonly signal: AbortSignal;
  /**
   * How long `ready` waits for an owner kind that owner references name, once for its discovery and once for its list; later
   * answers still count. Concerns roots without a kind. Milliseconds. Default: 2,000.
   */
  readonly ownerKindWaitMs?: number;
  /**
   * Called when anything differs from the last resolution, never within `watchWorkload` itself. Before `ready` only where there
   * is a problem to report; such a resolution has no members. `changes` names exactly the members that came, went or changed
   * since the last call, one entry per member: all of them at first. It is empty where only root, notes or problems changed.
   */
  readonly onResolution?: (resolution: Resolution, changes: readonly MemberChange[]) => void;
}

/** A workload under watch, until it is disposed or its signal ends. */
export interface WorkloadWatch extends AsyncDisposable {
  readonly current: Resolution | undefined;
  /** The first answer for which every watch was listed, or is known to be unavailable. Rejects with the signal's reason. */
  readonly ready: Promise<Resolution>;
  /** The objects that the root currently owns between itself and the pods. */
  readonly owned: readonly KubeObject[];
  /** An object that is watched for this workload, by UID. */
  object(uid: string): KubeObject | undefined;
}

/** Watches what a workload owns and reports its kind's verdicts. Disposing releases the reflectors. */
export function watchWorkload(options: WorkloadWatchOptions): WorkloadWatch {
  return new Watcher(options);
}

const LONG_PASS_MS = 10;

const OWNER_KIND_WAIT_MS = 2_000;

const NO_MEMBERS: MemberSnapshot = { members: Object.freeze([]), count: 0 };

/** Root, plan, layers and verdicts are replaced together within one pass, so they stay in one file. */
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
  readonly #top: ScopeWatch;
  readonly #members: Members;
  /** As in the last resolution. */
  #snapshot: MemberSnapshot = NO_MEMBERS;
  readonly #problems = new ProblemList();
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

  #isReady = false;
  #isClosed = false;
  #rootChanged = true;
  #structureChanged = false;
  readonly #changedPods = new Set<string>();
  /** Cancels the pass that is due. */
  #cancel: (() => void) | undefined;
  #restUntil = 0;

  constructor(options: WorkloadWatchOptions) {
    this.#options = options;
    const { ref, reflectors, cluster, signal } = options;
    this.#rule = ruleOf(options.kind, ref);
    this.#members = new Members(ref.namespace);
    this.ready = this.#ready.promise;
    // A caller that does not wait for it need not handle its rejection.
    this.ready.catch(() => undefined);
    this.#watches = new WatchSet({
      reflectors,
      onChange: (key, changes) => this.#onChange(key, changes),
      onStatus: () => this.#schedule(),
    });
    this.#top = new ScopeWatch({
      context: {
        watches: this.#watches,
        kinds: options.kinds,
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
    return this.#scope === undefined ? [] : [...this.#scope.all()].flatMap(({ ownership }) => ownership.owned);
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
   * One pass handles all events of one turn of the event loop. After a long pass (thousands of pods judged again) the next
   * one waits for the duration of that pass, so that a storm of events leaves half of the time to others.
   */
  #schedule(): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    const run = (): void => {
      this.#cancel = undefined;
      const started = performance.now();
      this.#pass();
      const ended = performance.now();
      const took = ended - started;
      this.#restUntil = took > LONG_PASS_MS ? ended + took : 0;
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
    if (this.#top.advance()) this.#structureChanged = true;
    if (this.#structureChanged) this.#judgeAll();
    else this.#judgeChanged();
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
    this.#schedule();
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
    this.#useScope(scope);
    if (scope === undefined) this.#members.clear();
    else this.#members.replace(scope.ownedPods().map((owned) => judgedPod(scope, owned)));
  }

  #useScope(scope: Scope | undefined): void {
    const scopes = scope === undefined ? [] : [...scope.all()];
    this.#scope = scope;
    this.#layers = scopes.flatMap(({ sources }) => [...sources.pods, ...sources.layers]);
    this.#ownedUids = new Set(scopes.flatMap(({ ownership }) => ownership.owned.map(({ metadata }) => metadata.uid)));
    const planned = [...this.#top.planned()].map((one) => one.planned);
    if (scope === undefined) return;
    // New watches are not used before they are listed, so that the old ones stay until then.
    this.#watches.keep([...planned, ...this.#met]);
    const podKeys = new Set(planned.filter(({ spec }) => isPods(spec.resource)).map(({ key }) => key));
    const isSame = podKeys.size === this.#podKeys.size && [...podKeys].every((key) => this.#podKeys.has(key));
    this.#podKeys = podKeys;
    if (!isSame) this.#members.forgetOthers((uid) => scope.pod(uid) !== undefined);
  }

  /** One pod's event costs the judgement of that pod. */
  #judgeChanged(): void {
    const scope = this.#scope;
    if (scope === undefined || this.#changedPods.size === 0) return;
    const judged = new Map<string, JudgedPod | undefined>();
    for (const uid of this.#changedPods) {
      scope.forget(uid);
      const pod = scope.pod(uid);
      if (pod === undefined) this.#members.forget(uid);
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
    const problems = this.#problems.update(this.#currentProblems());
    const becomesReady = !this.#isReady && this.#isAllThere();
    if (becomesReady) this.#isReady = true;
    if (!this.#isReady && problems.length === 0) return;
    const { current } = this;
    const root = this.#top.root;
    const notes = this.#isReady ? this.#notes() : [];
    const roles = this.#isReady ? this.#scope?.roles : undefined;
    // Before `ready` members are not reported, so that half a list never looks complete.
    const hasChanges = this.#isReady && this.#members.hasChanges;
    const isSame =
      current !== undefined &&
      current.root === root &&
      !hasChanges &&
      current.problems === problems &&
      sameJson(current.notes, notes) &&
      sameJson(current.roles, roles);
    if (!isSame) {
      const changes = hasChanges ? this.#members.takeChanges() : [];
      if (hasChanges) this.#snapshot = this.#members.snapshot();
      this.current = resolutionOf({
        workload: this.#options.ref,
        kind: this.#rule.kind,
        root,
        notes,
        roles,
        problems,
        snapshot: this.#snapshot,
      });
      this.#options.onResolution?.(this.current, changes);
    }
    if (becomesReady && this.current !== undefined) this.#ready.resolve(this.current);
  }

  #notes(): readonly Reason[] {
    const scope = this.#scope;
    if (scope === undefined) return [];
    return [
      ...noteOfTermination(scope.root),
      ...noteOfNamespace(scope.root, this.#rule, this.#options.ref),
      ...scope.notes,
    ];
  }

  *#currentProblems(): Generator<KinsyncError, void, undefined> {
    const { ref } = this.#options;
    const root = this.#rootLease.reflector;
    if ("error" in root.status) yield this.#problems.ofWatch(root.status.error, root, ref, "no-root");
    yield* this.#top.problems();
    const met = this.#met.map((planned) => ({ planned, rule: this.#rule, isReference: false }));
    const seen = new Set<string>();
    for (const { planned, rule, isReference } of [...this.#top.planned(), ...met]) {
      if (seen.has(planned.key)) continue;
      seen.add(planned.key);
      const reflector = this.#watches.get(planned);
      if (reflector === undefined) continue;
      if (reflector.complaint !== undefined) yield reflector.complaint;
      if (planned.waitMs !== undefined) {
        const missing = this.#watches.missing(planned);
        if (missing === "overdue") yield this.#problems.ofOverdue(reflector, ref);
        // A short outage is not worth a report.
        if (missing !== undefined) continue;
      }
      if (!("error" in reflector.status)) continue;
      // Continuing without it is the kind's choice; matching pods by labels instead has to be visible.
      if (planned.isOptional && reflector.isUnavailable && (isReference || !this.#members.hasAnyByLabels)) continue;
      const byLabels = rule.canMatchByLabels && !isPods(planned.spec.resource);
      const fallback = isReference ? "no-reference" : byLabels ? "labels" : "no-members";
      yield this.#problems.ofWatch(reflector.status.error, reflector, ref, fallback);
    }
    yield* this.#ownerKinds.problems();
    yield* this.#scope?.problems() ?? [];
  }
}

function judgedPod(scope: Scope, owned: OwnedPod): JudgedPod {
  return { owned, verdict: scope.verdict(owned), defaults: scope.containerDefaults(owned) };
}

function noteOfTermination(root: KubeObject): Reason[] {
  const { deletionTimestamp, name } = root.metadata;
  if (deletionTimestamp === undefined) return [];
  return [
    {
      code: "root-terminating",
      message: `the ${root.kind} ${name} is being deleted`,
      evidence: { "metadata.deletionTimestamp": deletionTimestamp },
    },
  ];
}

/** A cluster-scoped root may have pods anywhere, and only its kind can name the namespaces. */
function noteOfNamespace(root: KubeObject, rule: Rule, { resource, namespace }: WorkloadRef): Reason[] {
  if (resource.namespaced !== false || rule.rootIsMember || rule.declaresNamespaces) return [];
  return [
    {
      code: "one-namespace",
      message: `${root.kind} ${root.metadata.name} is cluster-scoped, and only its pods in namespace ${namespace} are watched`,
      evidence: { namespace },
    },
  ];
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
