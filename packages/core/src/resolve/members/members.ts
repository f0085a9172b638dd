import { verdictOfInactivePod, type OwnedPod, type Verdict } from "../../contract/kind.ts";
import type { Pod } from "../../contract/resource.ts";
import { withChanges, type MemberChange } from "./member-order.ts";
import type { Member } from "../resolution.ts";
import { containersOf } from "../select/containers.ts";
import { sameJson } from "../../kube/trim.ts";

/** What a kind last said of a pod when it could tell. */
type Memory = Pick<Member, "state" | "role" | "index">;

/** The members of one workload, and what was last said of each pod: kinds remember nothing, so that lives here. */
export class Members {
  readonly #namespace: string;
  readonly #memory = new Map<string, Memory>();
  readonly #members = new Map<string, Member>();
  #sorted: readonly Member[] = [];

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** The same array as long as nothing differs. */
  get sorted(): readonly Member[] {
    return this.#sorted;
  }

  has(uid: string): boolean {
    return this.#members.has(uid);
  }

  /** Takes in what was said of all owned pods; the others are members no more. */
  replace(judged: readonly (readonly [OwnedPod, Verdict])[]): void {
    const changed = new Map<string, MemberChange>();
    const present = new Set<string>();
    for (const [owned, verdict] of judged) {
      const { uid } = owned.pod.metadata;
      present.add(uid);
      this.#note(changed, uid, this.#member(owned, verdict));
    }
    for (const uid of this.#members.keys()) if (!present.has(uid)) this.#note(changed, uid, undefined);
    this.#apply(changed);
  }

  /** Takes in what was said of some pods; `undefined`: no member, or none any more. */
  update(judged: ReadonlyMap<string, readonly [OwnedPod, Verdict] | undefined>): void {
    const changed = new Map<string, MemberChange>();
    for (const [uid, one] of judged) {
      this.#note(changed, uid, one === undefined ? undefined : this.#member(...one));
    }
    this.#apply(changed);
  }

  /** There is no root: there are no members. What was said is kept, in case it is only out of sight. */
  clear(): void {
    this.#members.clear();
    if (this.#sorted.length > 0) this.#sorted = [];
  }

  /** The pod is no more. */
  forget(uid: string): void {
    this.#memory.delete(uid);
  }

  /** What was said concerned another root. */
  forgetAll(): void {
    this.#memory.clear();
  }

  /** Forgets pods that are out of sight for good. */
  forgetOthers(isThere: (uid: string) => boolean): void {
    for (const uid of this.#memory.keys()) if (!isThere(uid)) this.#memory.delete(uid);
  }

  #note(changed: Map<string, MemberChange>, uid: string, after: Member | undefined): void {
    const before = this.#members.get(uid);
    if (after !== before) changed.set(uid, { before, after });
  }

  #apply(changed: ReadonlyMap<string, MemberChange>): void {
    if (changed.size === 0) return;
    for (const [uid, { after }] of changed) {
      if (after === undefined) this.#members.delete(uid);
      else this.#members.set(uid, after);
    }
    this.#sorted = withChanges(this.#sorted, changed);
  }

  /** The member that there is, where it says the same. */
  #member({ pod, owners, by }: OwnedPod, verdict: Verdict): Member {
    const { uid, name, namespace } = pod.metadata;
    const before = this.#members.get(uid);
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
      namespace: namespace ?? this.#namespace,
      ...settled,
      by,
      owners,
      containers: before?.pod === pod ? before.containers : containersOf(pod),
    };
  }

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
}
