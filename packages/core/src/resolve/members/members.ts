import { verdictOfInactivePod, type OwnedPod, type Reason, type Verdict } from "../../contract/kind.ts";
import type { Pod } from "../../contract/resource.ts";
import type { Member, MemberChange } from "../resolution.ts";
import { chooseDefaultContainer, containersOf, type ContainerDefaults } from "../select/containers.ts";
import { sameJson } from "../../kube/trim.ts";
import { MemberList, type MemberSnapshot } from "./member-list.ts";

/** The last verdict on a pod that was not `unsettled`: the member as it was then. */
type LastVerdict = Pick<Member, "state" | "role" | "index" | "labels">;

/** A pod with its verdict. */
export interface JudgedPod {
  readonly owned: OwnedPod;
  readonly verdict: Verdict;
  /** Answers of the kinds that judge the pod about its containers. */
  readonly defaults: ContainerDefaults;
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

/** The members of one workload, and the last settled verdict on each pod: kinds have no memory, so it is stored here. */
export class Members {
  readonly #namespace: string;
  /** Where the member itself does not tell: of unsettled members, and of pods that are not members now. */
  readonly #lastVerdicts = new Map<string, LastVerdict>();
  readonly #members = new Map<string, Member>();
  readonly #list = new MemberList();
  /** What differs from the last `takeChanges`: each member as it was then. */
  readonly #before = new Map<string, Member | undefined>();
  #byLabels = 0;
  /** The members were judged under another root. */
  #areOfOtherRoot = false;
  #lastReason: Reason | undefined;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Some pods are members by their labels, since a watch is missing. */
  get hasAnyByLabels(): boolean {
    return this.#byLabels > 0;
  }

  /** Members differ from those at the last `takeChanges`. */
  get hasChanges(): boolean {
    return this.#before.size > 0;
  }

  has(uid: string): boolean {
    return this.#members.has(uid);
  }

  snapshot(): MemberSnapshot {
    return this.#list.snapshot();
  }

  /** The net changes since the last call, one per member. */
  takeChanges(): readonly MemberChange[] {
    const changes: MemberChange[] = [];
    for (const [uid, before] of this.#before) changes.push({ uid, before, after: this.#members.get(uid) });
    this.#before.clear();
    return changes;
  }

  /** Takes the verdicts on all owned pods; every other pod stops being a member. */
  replace(judged: Iterable<JudgedPod>): void {
    const changes: MemberChange[] = [];
    const present = new Set<string>();
    for (const one of judged) {
      const { uid } = one.owned.pod.metadata;
      present.add(uid);
      this.#compare(changes, uid, this.#judge(one));
    }
    for (const uid of this.#members.keys()) if (!present.has(uid)) this.#compare(changes, uid, undefined);
    this.#apply(changes);
    this.#areOfOtherRoot = false;
  }

  /** Takes the verdicts on some pods; `undefined`: the pod is not, or no longer, a member. */
  update(judged: ReadonlyMap<string, JudgedPod | undefined>): void {
    const changes: MemberChange[] = [];
    for (const [uid, one] of judged) {
      this.#compare(changes, uid, one === undefined ? undefined : this.#judge(one));
    }
    this.#apply(changes);
  }

  /** The root is missing, so there are no members. Verdicts are kept, since the root may only be temporarily unreadable. */
  clear(): void {
    this.replace([]);
  }

  /** The pod was deleted. */
  forget(uid: string): void {
    this.#lastVerdicts.delete(uid);
  }

  /** The verdicts concerned another root. */
  forgetAll(): void {
    this.#lastVerdicts.clear();
    this.#areOfOtherRoot = true;
  }

  /** Forgets the verdicts on pods that are no longer watched. */
  forgetOthers(isWatched: (uid: string) => boolean): void {
    for (const uid of this.#lastVerdicts.keys()) if (!isWatched(uid)) this.#lastVerdicts.delete(uid);
  }

  #compare(changes: MemberChange[], uid: string, after: Member | undefined): void {
    const before = this.#members.get(uid);
    if (after !== before) changes.push({ uid, before, after });
  }

  #apply(changes: readonly MemberChange[]): void {
    if (changes.length === 0) return;
    for (const { uid, before, after } of changes) {
      if (after === undefined) {
        const last = this.#lastVerdict(uid);
        this.#members.delete(uid);
        if (last !== undefined) this.#lastVerdicts.set(uid, last);
      } else this.#members.set(uid, after);
      this.#byLabels += Number(after?.by === "labels") - Number(before?.by === "labels");
      if (!this.#before.has(uid)) this.#before.set(uid, before);
      // Back to its previous state: the next answer does not list it.
      else if (this.#before.get(uid) === after) this.#before.delete(uid);
    }
    this.#list.apply(changes);
  }

  /** The member as it is, or the same object as before where nothing differs. */
  #judge({ owned: { pod, owners, by }, verdict, defaults }: JudgedPod): Member {
    const { uid, name, namespace } = pod.metadata;
    const before = this.#members.get(uid);
    const settled = this.#settle(pod, verdict);
    const containers = before?.pod === pod ? before.containers : containersOf(pod);
    const defaultContainer = chooseDefaultContainer(pod, containers, defaults);
    if (
      before !== undefined &&
      before.pod === pod &&
      before.by === by &&
      before.defaultContainer === defaultContainer &&
      before.state === settled.state &&
      before.unsettled === settled.unsettled &&
      before.role === settled.role &&
      before.index === settled.index &&
      sameJson(before.labels, settled.labels) &&
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
      namespace: namespace ?? this.#namespace,
      // Not spread: a spread object has its later properties in a list of their own.
      state: settled.state,
      unsettled: settled.unsettled,
      role: settled.role,
      index: settled.index,
      labels: settled.labels,
      reason: settled.reason,
      by,
      owners,
      containers,
      defaultContainer,
    };
  }

  /** The reason of the previous pod, where it is equal: most pods of a workload have the same. */
  #shared(reason: Reason): Reason {
    if (!sameJson(reason, this.#lastReason)) this.#lastReason = reason;
    return this.#lastReason ?? reason;
  }

  #settle(pod: Pod, verdict: Verdict): Pick<Member, "state" | "unsettled" | "role" | "index" | "labels" | "reason"> {
    const { uid } = pod.metadata;
    const { role, index } = verdict;
    const reason = this.#shared(verdict.reason);
    const labels = verdict.labels ?? NO_LABELS;
    if (verdict.state !== "unsettled") {
      this.#lastVerdicts.delete(uid);
      return { state: verdict.state, unsettled: false, role, index, labels, reason };
    }
    const last = this.#lastVerdict(uid);
    if (last !== undefined) this.#lastVerdicts.set(uid, last);
    const place = {
      role: role ?? last?.role,
      index: index ?? last?.index,
      labels: verdict.labels ?? last?.labels ?? NO_LABELS,
    };
    // The pod itself shows that it has ended, and its last verdict would be wrong.
    const inactive = verdictOfInactivePod(pod);
    if (inactive !== undefined) return { ...inactive, unsettled: false, ...place };
    return { state: last?.state ?? "unsettled", unsettled: true, ...place, reason };
  }

  #lastVerdict(uid: string): LastVerdict | undefined {
    const known = this.#lastVerdicts.get(uid);
    if (known !== undefined || this.#areOfOtherRoot) return known;
    const member = this.#members.get(uid);
    return member?.unsettled === false ? member : undefined;
  }
}
