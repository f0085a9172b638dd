import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted } from "../cluster/facts.ts";
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
  const uids = everyComponentOf(store, wrapper);
  const resettingCount = (wrapper.status?.resettingCount ?? 0) + (phase === "Resetting" ? 1 : 0);
  store.update(wrapper, { status: { phase, resettingCount } }, obsolete(...uids));
}

function everyComponentOf(store: Store, { metadata, spec }: KubeObject & AppWrapper): readonly string[] {
  const components = (spec?.components ?? []).flatMap(({ template }) => store.everOwnedBy(metadata.uid, template));
  return components.map((component) => component.metadata.uid);
}

/** From here on nothing says any more that components of before go, but that they are gone: a reset is not stamped on them. */
function resume(store: Store, wrapper: KubeObject & AppWrapper): void {
  store.update(wrapper, { status: { phase: "Resuming" } }, wanted(...everyComponentOf(store, wrapper)));
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
    if (next === "Resuming") resume(store, wrapper);
    else store.update(wrapper, { status: { phase: next } });
    yield;
  } else if (phase === "Suspended") {
    if (spec?.suspend === true) return;
    resume(store, wrapper);
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
    const current: (KubeObject & AppWrapper) | undefined = store.get(wrapper.metadata.uid);
    // Somebody else has changed the phase since this pass began.
    if (current?.status?.phase !== "Resuming" || componentsOf(store, wrapper).includes(undefined)) return;
    store.update(current, { status: { phase: "Running" } });
    yield;
  }
}
