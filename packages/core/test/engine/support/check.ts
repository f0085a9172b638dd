import { expect, vi } from "vitest";
import type { TargetView } from "../../../src/engine/options.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { advance, containerIdOf, uidOf, type Environment } from "./environment.ts";
import { ALL_MAPPINGS, NEIGHBOURS, rootKeyOf, TEAMS, type Model, type PodModel, type Team } from "./model.ts";

/** Checks that every eligible target holds exactly the projected tree, that nothing else was written, and that all reports are true. */
export function expectModel(
  environment: Environment,
  model: Model,
  options: { readonly mayHaveFailed: boolean } = { mayHaveFailed: false },
): void {
  const { engine, containers } = environment;
  const view = engine.view();
  for (const team of TEAMS) {
    const workload = view.workloads.find(({ name }) => name === `team/${team}`);
    // What a gang holds is checked by itself.
    if (workload?.gang !== undefined) continue;
    const targets = new Map(workload?.targets.map((target) => [`${target.uid}/${target.containerId ?? ""}`, target]));
    const expected = model.pods.filter((pod) => model.mappingsOf(pod, team).length > 0);
    expect(targets.size, `targets of ${team}`).toBe(expected.length);
    for (const pod of expected) {
      const target = targets.get(`${uidOf(pod.spec)}/${pod.spec.isRunning ? containerIdOf(pod.spec) : ""}`);
      if (options.mayHaveFailed && (target?.status === "failed" || model.isTaken(pod, team))) continue;
      expectTarget(environment, model, { pod, team, target, snapshot: workload?.snapshot ?? 0 });
    }
  }
  for (const [name, storage] of environment.storages) {
    // What `part` overrides for a while stays there and is not known: it may be sent again afterwards.
    const rewritten = storage.rewritten.filter((each) => !each.includes(" conf/"));
    expect(rewritten, `${name} was written twice`).toEqual([]);
  }
  for (const [id, container] of containers) {
    for (const root of container.roots.keys()) {
      expect(model.everEligible(id), `${id} was written`).toContain(root);
      const mapping = ALL_MAPPINGS.find((each) => rootKeyOf(each) === root)?.id ?? "";
      expect(container.seen(root), `neighbours of ${mapping} in ${id}`).toMatchObject(NEIGHBOURS[mapping] ?? {});
    }
  }
}

/** At rest, a gang that could not release the newest snapshot names who holds it, and all others hold the released one. */
export function expectGangs(environment: Environment): void {
  for (const { name, gang, snapshot, targets } of environment.engine.view().workloads) {
    if (gang === undefined) continue;
    expect(gang.waitingFor, `${name}: ${gang.phase}`).not.toEqual([]);
    expect(["held", "released", "given-up", "rolled-back"], name).toContain(gang.phase);
    expect(gang.snapshot, name).toBeGreaterThan(gang.phase === "released" ? snapshot - 1 : snapshot);
    const running = targets.filter(({ containerId }) => containerId !== undefined);
    const held = new Set(gang.waitingFor.map(({ target }) => target));
    for (const target of running) {
      const { pod, container, status, reason } = target;
      const isFailing = ["stale", "failed", "halted"].includes(status);
      if ((gang.phase === "held" || gang.phase === "released") && held.has(`pod/${pod}, container ${container}`)) {
        expect(isFailing, `${name}, ${pod}: ${status}, ${reason}`).toBe(true);
      } else if (!isFailing) {
        expect(target.snapshot, `${name}, ${pod}: ${status}, ${reason}`).toBe(snapshot === 0 ? undefined : snapshot);
        expect(status, `${name}, ${pod}: ${reason}`).toBe(
          gang.phase === "held" ? "syncing" : snapshot === 0 ? "waiting" : "synced",
        );
      }
    }
  }
}

interface Checked {
  readonly pod: PodModel;
  readonly team: Team;
  readonly target: TargetView | undefined;
  readonly snapshot: number;
}

function expectTarget(environment: Environment, model: Model, { pod, team, target, snapshot }: Checked): void {
  const { spec } = pod;
  const id = containerIdOf(spec);
  if (!spec.isRunning) {
    expect(target, `${spec.name} waits`).toMatchObject({ status: "waiting", containerId: undefined });
    return;
  }
  if (model.isTaken(pod, team)) {
    expect(target?.status, `${id} was taken over`).toBe("halted");
    return;
  }
  const container = environment.container(spec);
  const mappings = model.mappingsOf(pod, team);
  const all = model.visibleIn(pod, team);
  const isHalted = mappings.some((each) => model.locals.get(each.id)?.state === "halted");
  expect(target, `${id} of ${team}`).toMatchObject({ status: isHalted ? "halted" : "synced", snapshot });
  for (const each of mappings) {
    const local = model.locals.get(each.id);
    if (local?.state !== "present") continue;
    const storage = container.storageOf({ path: each.to });
    const seen = ownPaths(each, storage.seen(rootKeyOf(each)), all);
    expect(seen, `${each.id} in ${id}`).toEqual({
      ...ownPaths(each, model.released(each), all),
      ...NEIGHBOURS[each.id],
    });
  }
}

/** At rest, no session claims, reads or writes anything; only who was taken over reads the markers now and then. Takes a minute. */
export async function expectQuiet(environment: Environment): Promise<void> {
  const isTakenOver = environment.engine
    .view()
    .workloads.some(({ targets }) => targets.some(({ reason }) => reason.includes("another kinsync")));
  const counts = (): unknown =>
    [...environment.storages].map(([name, { claims, inventories, commits }]) => [
      name,
      claims,
      isTakenOver ? "some" : inventories,
      commits.length,
    ]);
  const before = counts();
  const events = environment.events.length;
  await advance(60_000, 5_000);
  expect(counts(), "a volume at rest").toEqual(before);
  expect(environment.events.slice(events), "events at rest").toEqual([]);
}

export function expectNothingOpen(environment: Environment): void {
  expect(vi.getTimerCount(), "timers").toBe(0);
  expect(environment.cluster.openWatches, "watches").toBe(0);
  for (const [id, container] of environment.containers) {
    expect(container.openSessions, `sessions of ${id}`).toBe(0);
  }
}

/**
 * Paths and contents of a mapped root without those that a more specific mapping overrides here, of this target or in its volume: these are neither written
 * nor deleted, so what an earlier set of mappings placed there stays.
 */
function ownPaths(
  each: ResolvedMapping,
  paths: Readonly<Record<string, string>>,
  mappings: readonly ResolvedMapping[],
): Record<string, string> {
  const inner = mappings.filter((other) => other !== each && other.to.startsWith(`${each.to}/`));
  const overridden = inner.map((other) => other.to.slice(each.to.length + 1));
  const entries = Object.entries(paths)
    .map(([path, content]) =>
      path.endsWith("/") ? ([path.slice(0, -1), "directory"] as const) : ([path, content] as const),
    )
    .filter(([path]) => !overridden.some((top) => path === top || path.startsWith(`${top}/`)));
  return Object.fromEntries(entries);
}
