import { ELIGIBLE_STATES, type KindPlugin, type KubeObject, type Verdict } from "@kinsync/core/contract";
import { judgeObjects } from "@kinsync/core/testing";
import { Members } from "../../../packages/core/src/resolve/members/members.ts";

/** A pod that files go to. */
export interface Target {
  readonly uid: string;
  readonly name: string;
  readonly place: Pick<Verdict, "role" | "index" | "labels">;
  readonly reason: string;
}

const NO_DEFAULTS = { name: undefined, infrastructure: new Set<string>() };

/** The pods that files go to: the kind's verdicts, and the engine's memory of them where a kind returns `unsettled`. */
export class Targets {
  readonly #kind: KindPlugin;
  readonly #kinds: readonly KindPlugin[];
  readonly #members = new Members("lab");
  #rootUid: string | undefined;
  #podUids: readonly string[] = [];

  constructor(kind: KindPlugin, kinds: readonly KindPlugin[]) {
    this.#kind = kind;
    this.#kinds = kinds;
  }

  /** Judges the objects that the client sees now, as `packages/core/src/resolve/members/workload-watch.ts` does. */
  judge(root: KubeObject | undefined, objects: readonly KubeObject[]): void {
    if (root === undefined) this.#members.clear();
    else {
      if (this.#rootUid !== undefined && this.#rootUid !== root.metadata.uid) this.#members.forgetAll();
      this.#rootUid = root.metadata.uid;
      const { members } = judgeObjects(this.#kind, root, objects, { kinds: this.#kinds });
      this.#members.replace(
        members.map(({ pod, by, verdict }) => ({ owned: { pod, by, owners: [] }, verdict, defaults: NO_DEFAULTS })),
      );
    }
    const uids = new Set(objects.map(({ metadata }) => metadata.uid));
    for (const uid of this.#podUids) if (!uids.has(uid)) this.#members.forget(uid);
    this.#podUids = [...uids];
  }

  list(): Target[] {
    return this.#members
      .snapshot()
      .members.filter(({ state }) => ELIGIBLE_STATES.includes(state))
      .map(({ uid, name, role, index, labels, state, unsettled, reason }) => ({
        uid,
        name,
        place: { ...(role === undefined ? {} : { role }), ...(index === undefined ? {} : { index }), labels },
        reason: `${state}${unsettled ? " (unsettled)" : ""} ${reason.code}: ${reason.message}`,
      }));
  }

  /** What the kind answers about every member, for the message of a failure. */
  describe(): string {
    return this.#members
      .snapshot()
      .members.map(({ name, uid, state, reason }) => `  ${name} ${uid}: ${state}: ${reason.code}: ${reason.message}`)
      .join("\n");
  }
}
