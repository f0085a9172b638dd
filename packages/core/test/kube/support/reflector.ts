import { onTestFinished } from "vitest";
import { DEFAULT_TIMING, type ReflectorSpec, type ReflectorTiming } from "../../../src/kube/reflector-spec.ts";
import { Reflector } from "../../../src/kube/reflector.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, NAMESPACE, PODS } from "../../support/objects.ts";

export const FAST: ReflectorTiming = { ...DEFAULT_TIMING, retry: { min: 1, max: 2 }, slow: { min: 1, max: 2 } };

export function setup(spec: Partial<ReflectorSpec> = {}, timing: Partial<ReflectorTiming> = {}) {
  const cluster = new FakeCluster(ALL);
  const start = (): Reflector => {
    const reflector = new Reflector(cluster, { resource: PODS, namespace: NAMESPACE, ...spec }, { ...FAST, ...timing });
    onTestFinished(() => reflector[Symbol.asyncDispose]());
    return reflector;
  };
  return { cluster, start };
}

/** Resolves when the condition holds; checks it after each report of the reflector. */
export async function until(reflector: Reflector, condition: () => boolean): Promise<void> {
  if (condition()) return;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (!condition()) return;
      subscription[Symbol.dispose]();
      resolve();
    };
    const subscription = reflector.subscribe({ onChange: look, onStatus: look });
  });
}

export function names(reflector: Reflector): string[] {
  return [...reflector.store.values()].map((object) => object.metadata.name).sort();
}

export async function untilWatched(cluster: FakeCluster): Promise<void> {
  while (cluster.openWatches === 0) await new Promise((resolve) => setImmediate(resolve));
}
