import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { asKinsyncError, KinsyncError } from "../../errors/error.ts";
import { resourceName } from "../../kube/resource-path.ts";
import type { KindLoader } from "./kind-loader.ts";
import type { Layer } from "./ownership.ts";
import { MAX_DEPTH, ruleOfKind, servesVersion, type Rule } from "./rule.ts";
import { isOfResource, Scope, type Child } from "./scope.ts";
import type { WatchSet } from "./watch-set.ts";
import { NO_WATCHES, planWatches, type PlannedWatch, type PlannedWatches } from "./watch-spec.ts";

/** What the scopes of one workload share. */
export interface ScopeContext {
  readonly watches: WatchSet;
  /** The kinds that judge delegated children. */
  readonly kinds: KindLoader;
  readonly hold: (planned: PlannedWatch) => void;
  readonly find: (uid: string) => KubeObject | undefined;
}

export interface ScopeWatchOptions {
  readonly context: ScopeContext;
  readonly rule: Rule;
  /** Where the objects of a cluster-scoped root are, unless its kind names the namespaces. */
  readonly namespaces: readonly string[];
  /** The roots above, from the outermost on. */
  readonly path: readonly KubeObject[];
}

/** Root, plan and watches; replaced as a whole, so that they always fit each other. */
interface Active extends PlannedWatches {
  readonly root: KubeObject;
  readonly namespaces: readonly string[];
}

/** The root of a workload, or a delegated child below it, under watch by the plan of its kind. */
export class ScopeWatch {
  readonly #options: ScopeWatchOptions;
  readonly #children = new Map<string, ScopeWatch>();
  #active: Active | undefined;
  /** Becomes active once everything in it is listed; until then the last one stays in use. */
  #pending: Active | undefined;
  #taken: KubeObject | undefined;
  /** Pods that an ancestor watches without a selector; they include what this root would watch. */
  #covering: readonly PlannedWatch[] = [];
  #missing: readonly ResourceType[] = [];
  #planProblem: KinsyncError | undefined;
  #delegationProblems: readonly KinsyncError[] = [];

  constructor(options: ScopeWatchOptions) {
    this.#options = options;
  }

  get root(): KubeObject | undefined {
    return this.#active?.root ?? this.#pending?.root;
  }

  /** The namespaces that are watched. */
  get namespaces(): readonly string[] {
    return this.#active?.namespaces ?? this.#pending?.namespaces ?? [];
  }

  /** No list and no kind is on its way that the next scope needs. */
  get isSettled(): boolean {
    const { kinds } = this.#options.context;
    return (
      this.#pending === undefined && kinds.isSettled && [...this.#children.values()].every((child) => child.isSettled)
    );
  }

  /** Every watch that is in use or will be. */
  *planned(): Generator<{ readonly planned: PlannedWatch; readonly rule: Rule; readonly isReference: boolean }> {
    const { rule } = this.#options;
    for (const active of [this.#active, this.#pending]) {
      if (active === undefined) continue;
      for (const planned of [...active.pods, ...active.watches]) yield { planned, rule, isReference: false };
      for (const planned of active.references) yield { planned, rule, isReference: true };
    }
    for (const child of this.#children.values()) yield* child.planned();
  }

  *problems(): Generator<KinsyncError, void, undefined> {
    if (this.#planProblem !== undefined) yield this.#planProblem;
    for (const problem of this.#delegationProblems) yield problem;
    for (const child of this.#children.values()) yield* child.problems();
  }

  /** Takes a new state of the root, and requests what its plan names. */
  take(root: KubeObject, covering: readonly PlannedWatch[] = []): void {
    const { context, rule } = this.#options;
    if (root === this.#taken && keysOf(covering) === keysOf(this.#covering)) return;
    this.#taken = root;
    this.#covering = covering;
    let next: Active;
    try {
      const namespaces = this.#namespacesOf(root);
      const planned = planWatches(rule.plan(root), namespaces, rule.kind);
      next = { ...planned, pods: this.#podsOf(planned), root, namespaces };
      this.#planProblem = undefined;
    } catch (error) {
      this.#planProblem = asKinsyncError(error);
      next = { ...NO_WATCHES, namespaces: [], ...this.#active, root };
    }
    this.#pending = next;
    for (const planned of watchesOf(next)) context.hold(planned);
  }

  /** The root does not exist. */
  clear(): void {
    this.#active = undefined;
    this.#pending = undefined;
    this.#taken = undefined;
    this.#planProblem = undefined;
    this.#delegationProblems = [];
    this.#children.clear();
  }

  /** Starts to use what is listed by now. True if the next scope then differs from the last one. */
  advance(): boolean {
    const { watches, kinds } = this.#options.context;
    let hasChanged = kinds.takeChanges();
    const next = this.#pending;
    if (next !== undefined && watches.isSettled(watchesOf(next))) {
      this.#active = next;
      this.#pending = undefined;
      hasChanged = true;
    }
    const missing = [...(this.#active?.watches ?? []), ...(this.#active?.references ?? [])]
      .filter((planned) => watches.get(planned)?.isUnavailable ?? false)
      .map((planned) => planned.spec.resource);
    if (missing.length !== this.#missing.length || missing.some((resource, at) => resource !== this.#missing[at])) {
      this.#missing = missing;
      hasChanged = true;
    }
    for (const child of this.#children.values()) if (child.advance()) hasChanged = true;
    return hasChanged;
  }

  /** Walks and judges everything, children first. `undefined` while the root does not exist or is not listed. */
  build(met: readonly Layer[] = []): Scope | undefined {
    const active = this.#active;
    if (active === undefined) return undefined;
    const { context, rule } = this.#options;
    const { watches } = context;
    const seen = new Set<string>();
    const problems: KinsyncError[] = [];
    const scope = new Scope({
      rule,
      root: active.root,
      find: context.find,
      childOf: (object) => {
        const child = this.#child(object, active);
        if (child instanceof KinsyncError) {
          problems.push(child);
          return undefined;
        }
        seen.add(object.metadata.uid);
        return child;
      },
      sources: {
        layers: [...watches.layersOf(active.watches), ...met],
        pods: watches.layersOf(active.pods),
        missing: this.#missing,
        referred: active.references.flatMap((planned) => [...(watches.get(planned)?.store.values() ?? [])]),
        delegates: active.delegates,
      },
    });
    for (const uid of this.#children.keys()) if (!seen.has(uid)) this.#children.delete(uid);
    this.#delegationProblems = problems;
    return scope;
  }

  #child(object: KubeObject, active: Active): Child | KinsyncError {
    const { context, path, rule } = this.#options;
    const resource = active.delegates.find((one) => isOfResource(object, one)) as ResourceType;
    const entry = context.kinds.find(object);
    const above = [...path, active.root];
    const parent = rule.kind ?? "";
    if (entry === undefined) {
      return new KinsyncError(
        "KINSYNC_PLUGIN_DELEGATE",
        `the kind ${parent} leaves ${resourceName(resource)} to their own kind, and no kind serves them`,
        { plugin: parent },
      );
    }
    if (!servesVersion(entry, resource)) {
      const versions = [entry.root.version, ...(entry.root.versions ?? [])].join(", ");
      return new KinsyncError(
        "KINSYNC_PLUGIN_DELEGATE",
        `the kind ${parent} reads ${resourceName(resource)} in version ${resource.version}, but the kind ${entry.name} reads ${versions}`,
        { hint: "Use versions of both plugins that support the same version.", plugin: parent },
      );
    }
    const isCycle = above.some(({ metadata }) => metadata.uid === object.metadata.uid);
    if (isCycle || above.length > MAX_DEPTH) {
      const names = [...above, object].map((one) => `${one.kind.toLowerCase()}/${one.metadata.name}`).join(" → ");
      return new KinsyncError(
        "KINSYNC_PLUGIN_DELEGATE",
        isCycle ? `delegation is circular: ${names}` : `delegation is deeper than ${MAX_DEPTH} levels: ${names}`,
        { hint: "Fix the owner references of these objects.", plugin: parent },
      );
    }
    const kind = context.kinds.get(entry);
    if (kind instanceof KinsyncError) return kind;
    if (kind === undefined) return { kind: entry.name, scope: undefined };
    const { uid } = object.metadata;
    let child = this.#children.get(uid);
    if (child === undefined) {
      child = new ScopeWatch({ context, rule: ruleOfKind(kind), namespaces: active.namespaces, path: above });
      this.#children.set(uid, child);
    }
    child.take(object, this.#coveringOf(active));
    child.advance();
    return { kind: kind.name, scope: child.build() };
  }

  /** Own pods, or those of an ancestor that watches all of them. */
  #podsOf({ pods }: PlannedWatches): readonly PlannedWatch[] {
    const [first] = pods;
    if (first === undefined || this.#covering.length === 0) return pods;
    return this.#covering.map((covering) => ({ ...covering, owner: first.owner }));
  }

  #coveringOf({ pods }: Active): readonly PlannedWatch[] {
    const isEverything = pods.length > 0 && pods.every(({ spec }) => spec.labelSelector === undefined);
    return isEverything ? pods : this.#covering;
  }

  #namespacesOf(root: KubeObject): readonly string[] {
    const { namespace } = root.metadata;
    const { rule, namespaces } = this.#options;
    return namespace === undefined ? (rule.namespaces(root) ?? namespaces) : [namespace];
  }
}

function watchesOf(active: PlannedWatches): readonly PlannedWatch[] {
  return [...active.pods, ...active.watches, ...active.references];
}

function keysOf(planned: readonly PlannedWatch[]): string {
  return planned.map(({ key }) => key).join("\n");
}
