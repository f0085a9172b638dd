import type { KindPlugin } from "../contract/kind.ts";
import type { KubeObject } from "../contract/resource.ts";
import { judgeObjects } from "./kind-view.ts";
import type { JudgedObjects, KindViewOptions } from "./kind-view.ts";

/** One event of a watch, as `kubectl get -w -o json --output-watch-events` prints it. */
export interface HistoryEvent {
  /** Milliseconds since the history began. */
  readonly at: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

/** What a kind said after one event of a history. */
export interface HistoryMoment {
  readonly event: HistoryEvent;
  /** Everything that was known by then, by UID. */
  readonly objects: ReadonlyMap<string, KubeObject>;
  /** `undefined` while there is no root. */
  readonly judged: JudgedObjects | undefined;
}

/** Judges a recorded history after each of its events. The root is the last object of the kind's root resource that is there. */
export function* replayHistory(
  kind: KindPlugin,
  events: Iterable<HistoryEvent>,
  options: KindViewOptions = {},
): Generator<HistoryMoment, void, undefined> {
  const objects = new Map<string, KubeObject>();
  let rootUid: string | undefined;
  for (const event of events) {
    const { object } = event;
    const { uid } = object.metadata;
    if (event.type === "DELETED") objects.delete(uid);
    else objects.set(uid, object);
    if (object.kind === kind.root.kind && event.type !== "DELETED") rootUid = uid;
    const root = rootUid === undefined ? undefined : objects.get(rootUid);
    const judged = root === undefined ? undefined : judgeObjects(kind, root, [...objects.values()], options);
    yield { event, objects: new Map(objects), judged };
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
    if (judged?.note !== undefined) now.set("note", judged.note.code);
    for (const name of new Set([...before.keys(), ...now.keys()])) {
      const [old, fresh] = [before.get(name), now.get(name)];
      if (old !== fresh) yield `${event.at} ${name}: ${old ?? "-"} -> ${fresh ?? "-"}`;
    }
    before = now;
  }
}
