import type { KindPlugin, KubeObject, ResourceType } from "../../../src/contract/index.ts";
import { ReflectorPool } from "../../../src/kube/reflector-pool.ts";
import type { KindEntry } from "../../../src/plugins/host.ts";
import type { Member, MemberChange, Resolution } from "../../../src/resolve/resolution.ts";
import type { WorkloadWatch } from "../../../src/resolve/members/watch-options.ts";
import { watchWorkload } from "../../../src/resolve/members/workload-watch.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, NAMESPACE, TEAMS } from "../../support/objects.ts";

/** A fake cluster with one workload under watch. */
export interface WatchFixture extends AsyncDisposable {
  readonly cluster: FakeCluster;
  readonly reflectors: ReflectorPool;
  readonly watch: WorkloadWatch;
  /** Every resolution, oldest first. */
  readonly resolutions: readonly Resolution[];
  /** The changes that came with each of them. */
  readonly changes: readonly (readonly MemberChange[])[];
  /** Resolves with the first resolution, from the current one on, for which the condition holds. */
  until(condition: (resolution: Resolution) => boolean): Promise<Resolution>;
}

export interface WatchFixtureOptions {
  readonly cluster?: FakeCluster;
  readonly kind: KindPlugin | undefined;
  /** The root as it was read before. */
  readonly root?: KubeObject;
  /** All kinds. Default: only `kind`. */
  readonly kinds?: readonly KindEntry[];
  readonly resource?: ResourceType;
  readonly name?: string;
  /** Milliseconds. Default: 20. */
  readonly ownerKindWaitMs?: number;
}

export function startWatch(options: WatchFixtureOptions): WatchFixture {
  const cluster = options.cluster ?? new FakeCluster(ALL);
  const reflectors = new ReflectorPool({ cluster, timing: { retry: { min: 1, max: 2 }, slow: { min: 1, max: 2 } } });
  const resolutions: Resolution[] = [];
  const changes: (readonly MemberChange[])[] = [];
  const waiting = new Set<() => void>();
  const controller = new AbortController();
  const watch = watchWorkload({
    cluster,
    reflectors,
    ref: { resource: options.resource ?? TEAMS, namespace: NAMESPACE, name: options.name ?? "train" },
    root: options.root,
    kind: options.kind,
    kinds: options.kinds ?? (options.kind === undefined ? [] : [options.kind]),
    signal: controller.signal,
    ownerKindWaitMs: options.ownerKindWaitMs ?? 20,
    onResolution: (resolution, changed) => {
      resolutions.push(resolution);
      changes.push(changed);
      for (const look of waiting) look();
    },
  });
  return {
    cluster,
    reflectors,
    watch,
    resolutions,
    changes,
    until: (condition) =>
      new Promise((resolve) => {
        const look = (): void => {
          const last = resolutions.at(-1);
          if (last === undefined || !condition(last)) return;
          waiting.delete(look);
          resolve(last);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]();
      await reflectors[Symbol.asyncDispose]();
      assertChangesAddUp(resolutions, changes);
    },
  };
}

/** The members are read only here, so that this also covers resolutions whose members were not read while they were current. */
function assertChangesAddUp(resolutions: readonly Resolution[], changes: readonly (readonly MemberChange[])[]): void {
  const known = new Map<string, Member>();
  for (const [at, resolution] of resolutions.entries()) {
    for (const { uid, before, after } of changes[at] ?? []) {
      if (known.get(uid) !== before || before === after) throw new Error(`resolution ${at}: wrong change of ${uid}`);
      if (after === undefined) known.delete(uid);
      else known.set(uid, after);
    }
    const { members, memberCount } = resolution;
    const isSame = members.length === known.size && members.every((member) => known.get(member.uid) === member);
    if (!isSame || memberCount !== known.size)
      throw new Error(`resolution ${at}: its changes do not add up to its members`);
  }
}

/** `name=state`, in the order of the resolution. */
export function states(resolution: Resolution | undefined): string[] {
  return (resolution?.members ?? []).map((member) => `${member.name}=${member.state}`);
}
