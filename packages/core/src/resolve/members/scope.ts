import type { ChildRule, KindView, OwnedPod, Reason, Verdict } from "../../contract/kind.ts";
import type { KubeObject, Pod, ResourceType } from "../../contract/resource.ts";
import type { KinsyncError } from "../../errors/error.ts";
import { parseApiVersion } from "../../kube/resource-path.ts";
import type { ContainerDefaults } from "../select/containers.ts";
import { compareUids, walkDown, type Layer, type OwnerIndex, type Ownership } from "./ownership.ts";
import type { Rule } from "./rule.ts";
import { VerdictRunner } from "./verdict-runner.ts";

/** The pods of one list. */
export interface PodLayer extends Layer {
  readonly store: OwnerIndex & { values(): Iterable<KubeObject> };
}

/** The objects that a root is judged by: from reflectors, or plain objects in the conformance kit. */
export interface ScopeSources {
  /** The objects between root and pods. */
  readonly layers: readonly Layer[];
  /** Empty where the root owns no pods directly. */
  readonly pods: readonly PodLayer[];
  /** Optional watches and references that are not available. */
  readonly missing: readonly ResourceType[];
  /** Objects that the root names and does not own. */
  readonly referred: readonly KubeObject[];
  /** Resources whose objects are judged by their own kinds. */
  readonly delegates: readonly ResourceType[];
}

/** A delegated child: the name of its kind, and its scope once everything that this kind watches has been listed. */
export interface Child {
  readonly kind: string;
  readonly scope: Scope | undefined;
}

export interface ScopeOptions {
  readonly rule: Rule;
  readonly root: KubeObject;
  readonly sources: ScopeSources;
  /** The child that an object is, where a loaded kind serves it. */
  readonly childOf: (object: KubeObject) => Child | undefined;
  /** Any object that is watched, by UID. */
  readonly find: (uid: string) => KubeObject | undefined;
  /** Order of `owned`, `referred` and pods. Default: by UID. */
  readonly compare?: (a: KubeObject, b: KubeObject) => number;
}

/**
 * One state of a root, judged by its rule, with the scopes of the children that it delegates. Each scope sees only what its own kind
 * watches: a parent and a child may watch one resource in different ways. Immutable except for the problems with single pods.
 */
export class Scope {
  readonly rule: Rule;
  readonly root: KubeObject;
  readonly sources: ScopeSources;
  readonly ownership: Ownership;
  readonly runner: VerdictRunner;
  /** By UID, in the order of UIDs. */
  readonly children = new Map<string, Child>();
  /** One pod's verdict depends on other pods, by the rule of this root or of a child. */
  readonly judgesSet: boolean;
  readonly #options: ScopeOptions;
  readonly #compare: (a: KubeObject, b: KubeObject) => number;
  readonly #infrastructure: ReadonlySet<string>;

  constructor(options: ScopeOptions) {
    const { rule, root, sources } = options;
    this.#options = options;
    this.#compare = options.compare ?? compareUids;
    this.rule = rule;
    this.root = root;
    this.sources = sources;
    this.#infrastructure = new Set(rule.infrastructure);
    this.ownership = walkDown(root, [...sources.pods, ...sources.layers]);
    for (const object of this.ownership.owned) {
      if (!sources.delegates.some((resource) => isOfResource(object, resource))) continue;
      const child = options.childOf(object);
      if (child !== undefined) this.children.set(object.metadata.uid, child);
    }
    this.judgesSet = rule.judgesSet || this.#scopes().some((scope) => scope.judgesSet);
    this.runner = new VerdictRunner(rule);
    this.runner.judge(this.#view());
  }

  /** This scope and the scopes of all children below it. */
  *all(): Generator<Scope, void, undefined> {
    yield this;
    for (const scope of this.#scopes()) yield* scope.all();
  }

  /** What the user should know about the root as a whole. */
  get notes(): readonly Reason[] {
    const own =
      this.runner.notes ??
      this.#scopes()
        .sort(byName)
        .flatMap((scope) => scope.namedNotes());
    return [...own, ...[...this.all()].flatMap(({ runner }) => runner.containerNotes)];
  }

  /** The notes with the name of the root in front, for a workload that has several such children. */
  namedNotes(): readonly Reason[] {
    const name = `${this.root.kind.toLowerCase()}/${this.root.metadata.name}`;
    const notes =
      this.runner.notes ??
      this.#scopes()
        .sort(byName)
        .flatMap((scope) => scope.namedNotes());
    return notes.map((note) => ({ ...note, message: `${name}: ${note.message}` }));
  }

  /** The roles that the spec names; those of the children where the rule does not declare its own; `undefined`: not known. */
  get roles(): readonly string[] | undefined {
    const own = this.runner.roles(this.root);
    if (own !== undefined) return own;
    const roles = new Set(this.#scopes().flatMap((scope) => scope.roles ?? []));
    return roles.size === 0 ? undefined : [...roles];
  }

  *problems(): Generator<KinsyncError, void, undefined> {
    for (const { runner } of this.all()) yield* runner.problems();
  }

  /** A pod that is watched, by UID. */
  pod(uid: string): Pod | undefined {
    for (const { sources } of this.all()) {
      for (const { store } of sources.pods) {
        const pod = store.get(uid);
        if (pod !== undefined) return pod as Pod;
      }
    }
    return undefined;
  }

  /** The pod as this root owns it; `undefined` where it does not. Correct for any pod that owns nothing itself. */
  ownedPod(pod: Pod): OwnedPod | undefined {
    const chain = this.ownership.chainOf(pod, this.sources.pods[0]?.owner ?? "controller");
    if (chain !== undefined) return ownedPod(pod, chain, "owner");
    for (const scope of this.#scopes()) {
      const inner = scope.ownedPod(pod);
      if (inner !== undefined) return this.#below(scope, inner);
    }
    return this.#takesByLabels && this.#isClaimed(pod) ? ownedPod(pod, [], "labels") : undefined;
  }

  /** Every pod that the root owns, sorted. */
  ownedPods(): OwnedPod[] {
    if (this.rule.rootIsMember) return [ownedPod(this.root as KubeObject & Pod, [], "owner")];
    const found = new Map<string, OwnedPod>();
    const mode = this.sources.pods[0]?.owner ?? "controller";
    for (const pod of this.ownership.pods) {
      found.set(pod.metadata.uid, ownedPod(pod as Pod, this.ownership.chainOf(pod, mode) ?? [], "owner"));
    }
    for (const scope of this.#scopes()) {
      for (const inner of scope.ownedPods()) {
        const { uid } = inner.pod.metadata;
        if (!found.has(uid)) found.set(uid, this.#below(scope, inner));
      }
    }
    if (this.#takesByLabels) {
      for (const pod of this.sources.pods.flatMap(({ store }) => [...store.values()]) as (KubeObject & Pod)[]) {
        if (!found.has(pod.metadata.uid) && this.#isClaimed(pod)) {
          found.set(pod.metadata.uid, ownedPod(pod, [], "labels"));
        }
      }
    }
    return [...found.values()].sort((a, b) => this.#compare(a.pod, b.pod));
  }

  /** Never throws. */
  verdict(owned: OwnedPod): Verdict {
    return this.runner.verdict(owned);
  }

  /** The pod changed: drops the problems with it. */
  forget(uid: string): void {
    for (const { runner } of this.all()) runner.forget(uid);
  }

  /**
   * The container that the rules name for a pod: the root's first, then those of the children that own it, from the outermost on. A
   * container that one of them lists as infrastructure is never chosen.
   */
  containerDefaults(owned: OwnedPod): ContainerDefaults {
    const scopes = this.children.size === 0 ? [this] : this.#scopesOf(owned);
    const infrastructure =
      scopes.length === 1 ? this.#infrastructure : new Set(scopes.flatMap(({ rule }) => rule.infrastructure));
    for (const { runner } of scopes) {
      const name = runner.defaultContainer(owned.pod, infrastructure);
      if (name !== undefined) return { name, infrastructure };
    }
    return { name: undefined, infrastructure };
  }

  #view(): KindView {
    const { root, rule, sources } = this;
    const rules = new Map([...this.children].map(([uid, child]) => [uid, this.#childRule(uid, child)] as const));
    return {
      root,
      owned: this.#sorted(this.ownership.owned),
      pods: rule.judgesSet ? this.ownedPods() : [],
      missing: [...sources.missing],
      referred: sources.referred.toSorted(this.#compare),
      rule: (child) => rules.get(child.metadata.uid),
    };
  }

  /** The walk sorts by UID. */
  #sorted(objects: readonly KubeObject[]): readonly KubeObject[] {
    return this.#options.compare === undefined ? objects : objects.toSorted(this.#options.compare);
  }

  #childRule(uid: string, { kind, scope }: Child): ChildRule {
    const unsettled = (code: string, message: string): Verdict => ({ state: "unsettled", reason: { code, message } });
    return Object.freeze({
      kind,
      notes: scope?.namedNotes() ?? [],
      roles: scope?.roles ?? [],
      pod: (owned: OwnedPod) => {
        const inner = scope?.ownedPod(owned.pod);
        if (scope !== undefined && inner !== undefined) return scope.verdict(inner);
        if (!owned.owners.some((owner) => owner.metadata.uid === uid)) {
          throw new TypeError(`pod ${owned.pod.metadata.name} is not below the child whose rule judges it`);
        }
        return scope === undefined
          ? unsettled("child-not-listed", `what the kind ${kind} watches is not listed yet`)
          : unsettled("child-not-seen", `the kind ${kind} has not seen the owner of the pod yet`);
      },
    });
  }

  #scopes(): Scope[] {
    return [...this.children.values()].flatMap(({ scope }) => scope ?? []);
  }

  /** The scopes that judge a pod, from this one down. */
  #scopesOf(owned: OwnedPod): Scope[] {
    for (const owner of owned.owners.toReversed()) {
      const scope = this.children.get(owner.metadata.uid)?.scope;
      const inner = scope?.ownedPod(owned.pod);
      if (scope !== undefined && inner !== undefined) return [this, ...scope.#scopesOf(inner)];
    }
    return [this];
  }

  #below(scope: Scope, { pod, owners, by }: OwnedPod): OwnedPod {
    return ownedPod(pod, [...owners, ...(this.ownership.chainFrom(scope.root.metadata.uid) ?? [])], by);
  }

  /** A watch is missing, and the kind works without it. */
  get #takesByLabels(): boolean {
    return this.rule.canMatchByLabels && this.sources.missing.length > 0;
  }

  /** Not where the pod's owner is known and belongs to another root. */
  #isClaimed(pod: Pod): boolean {
    const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
    if (controller !== undefined && this.#options.find(controller.uid) !== undefined) return false;
    return this.runner.matchesByLabels(this.root, pod);
  }
}

function ownedPod(pod: Pod, owners: readonly KubeObject[], by: OwnedPod["by"]): OwnedPod {
  return Object.freeze({ pod, owners: Object.freeze(owners), by });
}

export function isOfResource(object: KubeObject, resource: Pick<ResourceType, "group" | "kind">): boolean {
  return object.kind === resource.kind && parseApiVersion(object.apiVersion).group === resource.group;
}

function byName({ root: a }: Scope, { root: b }: Scope): number {
  const [x, y] = [`${a.kind}/${a.metadata.name}`, `${b.kind}/${b.metadata.name}`];
  return x < y ? -1 : x > y ? 1 : 0;
}
