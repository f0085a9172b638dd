import type { KubeObject } from "@kinsync/core/contract";
import { obsolete } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, controllerUidOf, isDeleting, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { APP_WRAPPERS, type Type } from "../cluster/types.ts";

export interface Component extends Type {
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

export type AppWrapper = Typed<
  { readonly suspend: boolean; readonly components: readonly { readonly template: Component }[] },
  { readonly phase: string; readonly resettingCount: number }
>;

/** Phases in which the controller deletes the components, and what comes after. */
const LEAVING: Readonly<Record<string, string>> = { Resetting: "Resuming", Suspending: "Suspended" };

/** The AppWrapper controller (appwrapper `internal/controller/appwrapper`): one pass over all AppWrappers. */
export function* syncAppWrappers(store: Store): Generator<void> {
  for (const { metadata } of store.list(APP_WRAPPERS)) {
    const wrapper = store.get(metadata.uid);
    if (wrapper !== undefined && !isDeleting(wrapper)) yield* syncAppWrapper(store, wrapper);
  }
}

export function componentsOf(store: Store, wrapper: KubeObject & AppWrapper): readonly (KubeObject | undefined)[] {
  const { components = [] } = wrapper.spec ?? {};
  return components.map(({ template }) => {
    const found = store.find(template, template.metadata.name);
    return found !== undefined && controllerUidOf(found) === wrapper.metadata.uid ? found : undefined;
  });
}

/** The status shows that the components go, before any of them does. */
export function leave(store: Store, wrapper: KubeObject & AppWrapper, phase: string): void {
  const uids = (wrapper.spec?.components ?? []).flatMap(({ template }) =>
    store.everOwnedBy(wrapper.metadata.uid, template).map(({ metadata }) => metadata.uid),
  );
  const resettingCount = (wrapper.status?.resettingCount ?? 0) + (phase === "Resetting" ? 1 : 0);
  store.update(wrapper, { status: { phase, resettingCount } }, obsolete(...uids));
}

function* syncAppWrapper(store: Store, wrapper: KubeObject & AppWrapper): Generator<void> {
  const { spec, status } = wrapper;
  const phase = status?.phase ?? "Suspended";
  const next = LEAVING[phase];
  if (next !== undefined) {
    for (const component of componentsOf(store, wrapper)) {
      if (component === undefined || isDeleting(component)) continue;
      deleteObject(store, component, store.writes % 2 === 0 ? "Foreground" : "Background");
      yield;
    }
    if (componentsOf(store, wrapper).some((component) => component !== undefined)) return;
    store.update(wrapper, { status: { phase: next } });
    yield;
  } else if (phase === "Suspended") {
    if (spec?.suspend === true) return;
    store.update(wrapper, { status: { phase: "Resuming" } });
    yield;
  } else if (spec?.suspend === true && (phase === "Running" || phase === "Resuming")) {
    leave(store, wrapper, "Suspending");
    yield;
  } else if (phase === "Resuming") {
    for (const { template } of spec?.components ?? []) {
      // A component of the run before, or of a former AppWrapper, has the name until it is gone.
      if (store.find(template, template.metadata.name) !== undefined) continue;
      store.create({
        ...template,
        metadata: { ...template.metadata, ownerReferences: [controllerReference(wrapper)] },
      });
      yield;
    }
    const current = store.get(wrapper.metadata.uid);
    if (current === undefined || componentsOf(store, wrapper).includes(undefined)) return;
    store.update(current, { status: { phase: "Running" } });
    yield;
  }
}
