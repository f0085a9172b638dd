import { utimes } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { changeLocalFiles, expectRecovery, openRelay, syncTwoPods, untilChangesNoticed } from "../faults/recovery.ts";
import { upWithShiftedClock } from "../faults/shifted-clock.ts";
import { kubeconfigWithShortLivedCertificates } from "../faults/short-lived-certificates.ts";
import type { Fixture } from "../harness/fixture.ts";
import type { KubeObject, Pod } from "../harness/objects.ts";
import { isRunning } from "../harness/pods.ts";
import { ACCOUNT, roleBinding } from "../harness/service-account.ts";
import { situation } from "../harness/situation.ts";

interface Role extends KubeObject {
  readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

/** Removes verbs of one resource from kinsync's Role. @returns a function that restores them */
async function revoke(
  { kubectl }: Fixture,
  resource: string,
  ...verbs: readonly string[]
): Promise<() => Promise<void>> {
  const { rules } = await kubectl.get<Role>(`role/${ACCOUNT}`);
  const reduced = rules.map((rule) =>
    rule.resources.includes(resource) ? { ...rule, verbs: rule.verbs.filter((verb) => !verbs.includes(verb)) } : rule,
  );
  await kubectl.patch(`role/${ACCOUNT}`, { rules: reduced.filter((rule) => rule.verbs.length > 0) });
  return () => kubectl.patch(`role/${ACCOUNT}`, { rules });
}

/** Deletes db-0 and waits until its replacement runs. @returns all pods */
async function replaceFirstPod(fixture: Fixture, before: readonly Pod[]): Promise<readonly Pod[]> {
  await fixture.kubectl.delete("pod/db-0", "--grace-period=1");
  return fixture.until("the new db-0 runs", async () => {
    const all = (await fixture.kubectl.pods()).filter((pod) => isRunning(pod));
    return all.length === 2 && all[0]?.metadata.uid !== before[0]?.metadata.uid && all;
  });
}

situation("revoked permissions are reported and recover when restored", { needs: ["rbac"] }, async (fixture) => {
  const { kubectl } = fixture;
  const { kinsync, pods } = await syncTwoPods(fixture);
  const since = kinsync.mark();
  await kubectl.delete(`rolebinding/${ACCOUNT}`);
  const fresh = await replaceFirstPod(fixture, pods);
  await kinsync.until("access is forbidden", ({ code }) => code === "KINSYNC_CLUSTER_FORBIDDEN", { since });
  await changeLocalFiles(fixture);
  const refused = await fixture.sync("sts/db", { args: ["--wait", "2s"] });
  expect(refused.end.code).toBe(5);
  expect(refused.events.at(-1)).toMatchObject({ event: "error", code: "KINSYNC_CLUSTER_FORBIDDEN" });

  await fixture.create(roleBinding(fixture.namespace));
  await fixture.untilSame(fresh);
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
});

situation(
  "without exec permission open sessions continue, new pods wait",
  { needs: ["rbac"], timeout: 180_000 },
  async (fixture) => {
    const synced = await syncTwoPods(fixture);
    const { kinsync, pods } = synced;
    const since = kinsync.mark();
    const restore = await revoke(fixture, "pods/exec", "get", "create");
    await fixture.save(kinsync, "f.txt", "over an open session\n", pods);
    const fresh = await replaceFirstPod(fixture, pods);
    const { reason, hint = "" } = await kinsync.until(
      "exec is forbidden",
      ({ code, uid }) => code === "KINSYNC_CLUSTER_FORBIDDEN" && uid === fresh[0]?.metadata.uid,
      { since },
    );
    expect(`${reason} ${hint}`).toMatch(/pods\/exec/);
    const [, other] = fresh;
    if (other !== undefined) await fixture.save(kinsync, "f.txt", "the other pod is updated\n", [other]);
    await changeLocalFiles(fixture);

    await restore();
    await expectRecovery(
      fixture,
      { ...synced, pods: fresh },
      { since, limitMs: 60_000, codes: ["KINSYNC_CLUSTER_FORBIDDEN"] },
    );
  },
);

situation(
  "without watch permission new pods are still found",
  { needs: ["rbac"], timeout: 180_000 },
  async (fixture) => {
    const relay = await openRelay(fixture);
    const synced = await syncTwoPods(fixture, relay.kubeconfig);
    const { kinsync, pods } = synced;
    const since = kinsync.mark();
    const restore = await revoke(fixture, "pods", "watch");
    // Open watches continue without the permission.
    relay.disrupt("reset", "watch");
    const { reason, hint = "" } = await kinsync.until(
      "watch is forbidden",
      ({ code }) => code === "KINSYNC_CLUSTER_FORBIDDEN",
      { since },
    );
    expect(reason).toMatch(/watch pods/);
    expect(hint).toMatch(/watch/);
    await fixture.save(kinsync, "f.txt", "without a watch\n", pods);
    const fresh = await replaceFirstPod(fixture, pods);
    await changeLocalFiles(fixture);
    await expectRecovery(fixture, { ...synced, pods: fresh }, { since, limitMs: 90_000, codes: [] });

    await restore();
    const again = await replaceFirstPod(fixture, fresh);
    await expectRecovery(fixture, { ...synced, pods: again }, { since, limitMs: 90_000, codes: [] });
  },
);

situation(
  "client certificates that expire are renewed by a plugin",
  { needs: ["control"], timeout: 300_000 },
  async (fixture) => {
    const relay = await openRelay(fixture, {
      kubeconfig: await kubeconfigWithShortLivedCertificates(fixture, 20),
      opaque: true,
    });
    const synced = await syncTwoPods(fixture, relay.kubeconfig);
    const { kinsync, pods } = synced;
    const since = kinsync.mark();
    // Three lifetimes. Each time, the connections of a certificate are reset after it has expired.
    for (const round of [1, 2, 3]) {
      await delay(15_000);
      await fixture.save(kinsync, "f.txt", `certificate ${round}\n`, pods);
      await delay(8_000);
      await fixture.save(kinsync, "f.txt", `after certificate ${round}\n`, pods);
      relay.disrupt("reset");
      await fixture.save(kinsync, "f.txt", `over new connections ${round}\n`, pods);
    }
    const fresh = await replaceFirstPod(fixture, pods);
    await changeLocalFiles(fixture);
    await expectRecovery(fixture, { ...synced, pods: fresh }, { since, limitMs: 20_000, codes: [] });
  },
);

for (const [shift, direction] of [
  ["+1h", "ahead of"],
  ["-1h", "behind"],
] as const) {
  situation(
    `saves are synced with a clock an hour ${direction} the cluster's`,
    { needs: ["control"], timeout: 180_000 },
    async (fixture) => {
      const { project } = fixture;
      const synced = await syncTwoPods(fixture, () => upWithShiftedClock(fixture, shift));
      const { kinsync } = synced;
      const since = kinsync.mark();
      expect(Math.abs(Date.parse(kinsync.events[0]?.time ?? "") - Date.now())).toBeGreaterThan(3_000_000);
      const times = [await timeOf(fixture)];
      for (const [content, hours] of [
        ["aaa\n", 1],
        ["bbb\n", -1],
        ["ccc\n", 1],
      ] as const) {
        const mark = kinsync.mark();
        await project.write("next", content);
        const time = Date.now() / 1000 + hours * 3600;
        await utimes(project.path("next"), time, time);
        await project.move("next", "src/f.txt");
        await fixture.synced(kinsync, "f.txt", synced.pods, mark);
        times.push(await timeOf(fixture));
      }
      expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
      const now = Date.now() / 1000;
      for (const time of times) expect(Math.abs(time - now)).toBeLessThan(120);
      await changeLocalFiles(fixture);
      await untilChangesNoticed(kinsync, since);
      await expectRecovery(fixture, synced, { since, limitMs: 20_000, codes: [] });
    },
  );
}

/** Modification time of f.txt in db-0, seconds since 1970. */
async function timeOf({ kubectl }: Fixture): Promise<number> {
  return Number(await kubectl.run(["exec", "db-0", "--", "stat", "-c", "%Y", "/app/src/f.txt"]));
}
