import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { parseApiVersion } from "../../kube/resource-path.ts";
import { parseWorkloadName, readKindWord } from "../../resolve/find/workload-name.ts";
import type { HistoryEvent } from "./history.ts";
import { judgeObjects } from "../kinds/kind-view.ts";
import type { JudgedObjects, KindViewOptions } from "../kinds/kind-view.ts";

/** The judgement of a kind after one event of a history. */
export interface HistoryMoment {
  readonly event: HistoryEvent;
  /** All objects that existed after the event, by UID. */
  readonly objects: ReadonlyMap<string, KubeObject>;
  /** `undefined` before the root exists. */
  readonly judged: JudgedObjects | undefined;
}

/** Judges a recorded history after each of its events. The root is the newest existing object of the kind's root resource. */
export function* replayHistory(
  kind: KindPlugin,
  events: Iterable<HistoryEvent>,
  options: KindViewOptions = {},
): Generator<HistoryMoment, void, undefined> {
  const known = new KnownObjects();
  for (const event of events) {
    known.take(event);
    const root = known.rootOf(kind);
    const judged = root === undefined ? undefined : judgeObjects(kind, root, [...known.objects.values()], options);
    yield { event, objects: new Map(known.objects), judged };
  }
}

/** What changed in a history, one line a change: `6795 train-head-0-0-9g8l7: current in-attempt -> superseded restart-attempt-behind`. */
export function* describeChanges(moments: Iterable<HistoryMoment>): Generator<string, void, undefined> {
  let before = new Map<string, string>();
  for (const { event, judged } of moments) {
    const now = new Map(
      judged?.members.map(({ pod, verdict: { state, role, index, reason } }) => {
        const place = [role, index].filter((part) => part !== undefined).join("/");
        return [pod.metadata.name, `${state} ${reason.code}${place === "" ? "" : ` (${place})`}`];
      }) ?? [],
    );
    const notes = judged?.notes ?? [];
    if (notes.length > 0) now.set("note", notes.map(({ code }) => code).join(", "));
    for (const name of new Set([...before.keys(), ...now.keys()])) {
      const [old, fresh] = [before.get(name), now.get(name)];
      if (old !== fresh) yield `${event.at} ${name}: ${old ?? "-"} -> ${fresh ?? "-"}`;
    }
    before = now;
  }
}

/** The objects that exist after some events of a history. */
export class KnownObjects {
  readonly #objects = new Map<string, KubeObject>();
  /** UIDs in the order of the last event of each object. */
  readonly #order = new Set<string>();

  get objects(): ReadonlyMap<string, KubeObject> {
    return this.#objects;
  }

  take({ type, object }: HistoryEvent): void {
    const { uid } = object.metadata;
    this.#order.delete(uid);
    if (type === "DELETED") {
      this.#objects.delete(uid);
      return;
    }
    this.#objects.set(uid, object);
    this.#order.add(uid);
  }

  /** The newest existing object of the kind's root resource; with a name, the newest of that name. */
  rootOf({ root }: KindPlugin, name?: string): KubeObject | undefined {
    return [...this.#order]
      .toReversed()
      .map((uid) => this.#objects.get(uid))
      .find(
        (object) =>
          object?.kind === root.kind &&
          parseApiVersion(object.apiVersion).group === root.group &&
          (name === undefined || object.metadata.name === name),
      );
  }
}

/** Name of the workload if its resource name (`sts`, `statefulsets.apps`) denotes the kind's root; otherwise `undefined`. */
export function nameIfOfKind({ root }: KindPlugin, workload: string): string | undefined {
  const { kind: text, name } = parseWorkloadName(workload);
  const words = [root.kind.toLowerCase(), root.plural, ...(root.shortNames ?? [])];
  const isMeant = readKindWord(text).some(
    ({ word, group, version }) =>
      words.includes(word) &&
      (group === undefined || group === root.group) &&
      (version === undefined || version === root.version),
  );
  return isMeant ? name : undefined;
}
