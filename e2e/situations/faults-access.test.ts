import { utimes } from "node:fs/promises";
import { expect } from "vitest";
import { ACCOUNT, roleBinding } from "../harness/access.ts";
import { shortLived } from "../faults/short-lived-certificates.ts";
import { upWithClock } from "../faults/shifted-clock.ts";
import { change, changeSeen, inStep, lasts, openRelay, recovered } from "../faults/recovery.ts";
import { isRunning } from "../harness/objects.ts";
import type { KubeObject, Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import type { Stage } from "../harness/fixture.ts";

interface Role extends KubeObject {
  readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

/** Takes one verb of one resource away from kinsync's Role. @returns what gives it back */
async function takeAway(
  { kubectl }: Stage,
  resource: string,
  ...verbs: readonly string[]
): Promise<() => Promise<void>> {
  const { rules } = await kubectl.get<Role>(`role/${ACCOUNT}`);
  const less = rules.map((rule) =>
    rule.resources.includes(resource) ? { ...rule, verbs: rule.verbs.filter((verb) => !verbs.includes(verb)) } : rule,
  );
  await kubectl.patch(`role/${ACCOUNT}`, { rules: less.filter((rule) => rule.verbs.length > 0) });
  return () => kubectl.patch(`role/${ACCOUNT}`, { rules });
}

/** Deletes db-0 and waits for the one that takes its place. */
async function replaced(stage: Stage, before: readonly Pod[]): Promise<readonly Pod[]> {
  await stage.kubectl.delete("pod/db-0", "--grace-period=1");
  return stage.until("db-0 is back", async () => {
    const all = (await stage.kubectl.pods()).filter((pod) => isRunning(pod));
    return all.length === 2 && all[0]?.metadata.uid !== before[0]?.metadata.uid && all;
  });
}

situation(
  "rights are taken away and given back: it is said, a new pod waits, and is caught up then",
  { needs: ["rbac"] },
  async (stage) => {
    const { kubectl } = stage;
    const { kinsync, pods } = await inStep(stage);
    const since = kinsync.mark();
    await kubectl.delete(`rolebinding/${ACCOUNT}`);
    const fresh = await replaced(stage, pods);
    await kinsync.until("it is not allowed", ({ code }) => code === "KINSYNC_CLUSTER_FORBIDDEN", { since });
    await change(stage);
    const refused = await stage.sync("sts/db", { args: ["--wait", "2s"] });
    expect(refused.end.code).toBe(5);
    expect(refused.events.at(-1)).toMatchObject({ event: "error", code: "KINSYNC_CLUSTER_FORBIDDEN" });

    await stage.create(roleBinding(stage.namespace));
    await stage.same(fresh);
    await stage.save(kinsync, "f.txt", "three\n", fresh);
  },
);

situation(
  "the right to exec is taken away and given back: open sessions go on, a new pod waits, and the rule that it needs is named",
  { needs: ["rbac"], timeout: 180_000 },
  async (stage) => {
    const world = await inStep(stage);
    const { kinsync, pods } = world;
    const since = kinsync.mark();
    const giveBack = await takeAway(stage, "pods/exec", "get", "create");
    await stage.save(kinsync, "f.txt", "over what is open\n", pods);
    const fresh = await replaced(stage, pods);
    const { reason, hint = "" } = await kinsync.until(
      "it may not exec",
      ({ code, uid }) => code === "KINSYNC_CLUSTER_FORBIDDEN" && uid === fresh[0]?.metadata.uid,
      { since },
    );
    expect(`${reason} ${hint}`).toMatch(/pods\/exec/);
    const [, other] = fresh;
    if (other !== undefined) await stage.save(kinsync, "f.txt", "the other one is served\n", [other]);
    await change(stage);

    await giveBack();
    await recovered(stage, { ...world, pods: fresh }, { since, within: 60_000, codes: ["KINSYNC_CLUSTER_FORBIDDEN"] });
  },
);

situation(
  "the right to watch is taken away and given back: it is named, saves go through, and a new pod is found all the same",
  { needs: ["rbac"], timeout: 180_000 },
  async (stage) => {
    const relay = await openRelay(stage);
    const world = await inStep(stage, relay.kubeconfig);
    const { kinsync, pods } = world;
    const since = kinsync.mark();
    const giveBack = await takeAway(stage, "pods", "watch");
    // Open watches live on.
    relay.strike("reset", "watch");
    const { reason, hint = "" } = await kinsync.until(
      "it may not watch",
      ({ code }) => code === "KINSYNC_CLUSTER_FORBIDDEN",
      { since },
    );
    expect(reason).toMatch(/watch pods/);
    expect(hint).toMatch(/watch/);
    await stage.save(kinsync, "f.txt", "without a watch\n", pods);
    const fresh = await replaced(stage, pods);
    await change(stage);
    await recovered(stage, { ...world, pods: fresh }, { since, within: 90_000, codes: [] });

    await giveBack();
    const again = await replaced(stage, fresh);
    await recovered(stage, { ...world, pods: again }, { since, within: 90_000, codes: [] });
  },
);

situation(
  "client certificates run out every 20 s and are made anew by a plugin: saves go through all along, over new connections too",
  { needs: ["control"], timeout: 300_000 },
  async (stage) => {
    const relay = await openRelay(stage, { kubeconfig: await shortLived(stage, 20), opaque: true });
    const world = await inStep(stage, relay.kubeconfig);
    const { kinsync, pods } = world;
    const since = kinsync.mark();
    // More than two lifetimes; each time what was made with an old certificate is cut after it has run out.
    for (const round of [1, 2, 3]) {
      await lasts(15_000);
      await stage.save(kinsync, "f.txt", `certificate ${round}\n`, pods);
      await lasts(8_000);
      await stage.save(kinsync, "f.txt", `after certificate ${round}\n`, pods);
      relay.strike("reset");
      await stage.save(kinsync, "f.txt", `over new connections ${round}\n`, pods);
    }
    const fresh = await replaced(stage, pods);
    await change(stage);
    await recovered(stage, { ...world, pods: fresh }, { since, within: 20_000, codes: [] });
  },
);

for (const [shift, title] of [
  ["+1h", "an hour ahead of"],
  ["-1h", "an hour behind"],
] as const) {
  situation(
    `the clock is ${title} the cluster's, and files are of an hour before and after: each save changes what is there, and its time grows`,
    { needs: ["control"], timeout: 180_000 },
    async (stage) => {
      const { project } = stage;
      const inside = await inStep(stage, () => upWithClock(stage, shift));
      const { kinsync } = inside;
      const since = kinsync.mark();
      expect(Math.abs(Date.parse(kinsync.events[0]?.time ?? "") - Date.now())).toBeGreaterThan(3_000_000);
      const times = [await timeOf(stage)];
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
        await stage.synced(kinsync, "f.txt", inside.pods, mark);
        times.push(await timeOf(stage));
      }
      expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
      const now = Date.now() / 1000;
      for (const time of times) expect(Math.abs(time - now)).toBeLessThan(120);
      await change(stage);
      await changeSeen(kinsync, since);
      await recovered(stage, inside, { since, within: 20_000, codes: [] });
    },
  );
}

/** When f.txt in db-0 was written, by the container's own tool; seconds. */
async function timeOf({ kubectl }: Stage): Promise<number> {
  return Number(await kubectl.run(["exec", "db-0", "--", "stat", "-c", "%Y", "/app/src/f.txt"]));
}
