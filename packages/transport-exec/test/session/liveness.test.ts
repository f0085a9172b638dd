import { beforeEach, describe, expect, test } from "vitest";
import type { RootSpec, Session } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";

let signal: AbortSignal;
beforeEach(() => {
  signal = AbortSignal.timeout(20_000);
});

const root: RootSpec = { path: "root", shape: "directory", key: "k" };

async function claimed(
  world: LocalEnvironment,
  runId: string,
  owner: string,
): Promise<Required<Omit<Session, "seen">>> {
  const who = { cluster: world.cluster, runId, owner, since: "2026-01-01T00:00:00Z", signal };
  const opened = await world.transport.open(world.target, who);
  await opened.claim(root, { snapshot: 0, tree: "", signal });
  return opened;
}

/** Another run, which claims a root. */
async function openAnother(world: LocalEnvironment, spec: RootSpec): Promise<Required<Omit<Session, "seen">>> {
  const who = { cluster: world.cluster, runId: "another", owner: "bob@desktop", since: "2026-01-01T00:00:00Z", signal };
  const opened = await world.transport.open(world.target, who);
  await opened.claim(spec, { snapshot: 0, tree: "", signal });
  return opened;
}

describe.each(MAKES)("an idle session in a container with $name", (make) => {
  test("ends as taken after another run claimed its root", async () => {
    await using world = await makeLocalEnvironment(make, { pingInterval: 100 });
    await using first = await claimed(world, "s", "ada@laptop");
    const batch = await createBatch(root, [{ file: "f", bytes: "f" }]);
    await first.commit(first.stage(batch, { signal }), { signal });
    await using _second = await claimed(world, "other", "bob@desktop");
    const end = await first.ended;
    expect(end).toMatchObject({ why: "taken", error: { code: "KINSYNC_TARGET_TAKEN" } });
    expect(end.error?.message).toContain("bob@desktop");
  });

  test("ends as lost after a later session of the same run claimed its root", async () => {
    await using world = await makeLocalEnvironment(make, { pingInterval: 100 });
    await using first = await claimed(world, "s", "ada@laptop");
    await using second = await claimed(world, "s", "ada@laptop");
    expect((await first.ended).why).toBe("lost");
    expect(await second.ping({ signal })).toBeGreaterThan(0);
  });

  test("stays open after a later session of the same run claimed one of its roots, and watches the other one", async () => {
    await using world = await makeLocalEnvironment(make, { pingInterval: 100 });
    await using first = await claimed(world, "s", "ada@laptop");
    const other: RootSpec = { path: "other", shape: "directory", key: "o" };
    await first.claim(other, { snapshot: 0, tree: "", signal });
    await using second = await claimed(world, "s", "ada@laptop");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const late = await createBatch(root, [{ file: "f", bytes: "first" }]);
    await expect(first.commit(first.stage(late, { signal }), { signal })).rejects.toMatchObject({
      code: "KINSYNC_INTERNAL",
    });
    const batches = [
      [second, root],
      [first, other],
    ] as const;
    for (const [session, spec] of batches) {
      const batch = await createBatch(spec, [{ file: "f", bytes: "f" }]);
      await session.commit(session.stage(batch, { signal }), { signal });
    }
    await using _third = await openAnother(world, other);
    expect((await first.ended).why).toBe("taken");
    expect(await second.ping({ signal })).toBeGreaterThan(0);
  });

  test("is lost when the agent no longer responds", async () => {
    await using world = await makeLocalEnvironment(make, { pingInterval: 100, pingTimeout: 300 });
    await using session = await claimed(world, "s", "ada@laptop");
    world.cluster.mute = true;
    expect(await session.ended).toMatchObject({ why: "lost", error: { code: "KINSYNC_TARGET_TIMEOUT" } });
  });
});

describe.each(MAKES)("a root that cannot be created in a container with $name", (make) => {
  test("is a terminal error, and the session stays usable", async () => {
    await using world = await makeLocalEnvironment(make);
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    const impossible = { ...root, path: "/proc/kinsync-test/src" };
    await expect(session.claim(impossible, { snapshot: 0, tree: "", signal })).rejects.toMatchObject({
      code: "KINSYNC_CONFIG_SYSTEM_FOLDER",
      retry: "terminal",
    });
    expect(await session.ping({ signal })).toBeGreaterThan(0);
  });
});
