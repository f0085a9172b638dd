import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { newestOwnerReach } from "../src/demo/newest-owner.ts";
import { createWorkplace, ended } from "./support/run.ts";

test("the demo comes true by itself, and says so with figures", { timeout: 120_000 }, async () => {
  await using place = await createWorkplace();
  const { code, stdout, stderr } = await place.runBin(["demo", "-o", "json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const demo = events.find(({ event }) => event === "demo");
  expect(demo).toMatchObject({ ok: true, members: 5, last: expect.any(Number), caughtUp: expect.any(Number) });
  // Four workers by the rule of the newest owner, and the head forgotten; all five by kinsync's.
  expect(demo?.["newestOwner"]).toMatchObject({
    newest: [{ name: "train-worker-0" }],
    reached: Array.from({ length: 4 }, (_, index) => expect.stringMatching(`^train-worker-0-${index}-`)),
    missed: [expect.stringMatching(/^train-head-0-0-/)],
  });
  const second = events.filter(({ event, snapshot }) => event === "synced" && snapshot === 2);
  expect(new Set(second.map(({ uid }) => uid)).size).toBe(5);
});

test("the demo stays if asked to: kinsync can be pointed at it, and edits arrive", { timeout: 120_000 }, async () => {
  await using place = await createWorkplace();
  const child = place.spawn(["demo", "--keep"]);
  let stdout = "";
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(stdout);
        if (match !== null) resolve(match);
      };
      child.stdout.on("data", look);
      child.once("close", () => reject(new Error(`it ended: ${stdout}`)));
      look();
    });
  child.stdout.on("data", (text: string) => (stdout += text));
  const end = ended(child);
  const [, file = ""] = await until(/Edit (\S+), and/);
  const [, KUBECONFIG = ""] = await until(/export KUBECONFIG=(\S+)\n/);
  const tree = await place.runBin(["tree", "jobsets/train", "-o", "json"], { env: { KUBECONFIG } });
  expect(tree.stderr).toBe("");
  expect((JSON.parse(tree.stdout) as { readonly members: readonly unknown[] }).members).toHaveLength(5);
  await until(/kinsync tree jobset\/train\n\n/);
  await writeFile(file, "learning_rate: 0.5\n");
  await until(/up to date train-head-0-0-\S+ \(head 0\/0\) \[main\]: snapshot 3/);
  child.kill("SIGINT");
  expect(await end).toMatchObject({ code: 130, stderr: "" });
});

test("the newest owner is the one that was made last; several where nobody can tell", () => {
  const owners = [
    { name: "head", uid: "h", created: "2026-01-01T00:00:01Z" },
    { name: "worker", uid: "w", created: "2026-01-01T00:00:02Z" },
  ];
  const pods = [
    { name: "h-0", ownerUid: "h" },
    { name: "w-0", ownerUid: "w" },
    { name: "w-1", ownerUid: "w" },
  ];
  expect(newestOwnerReach(owners, pods)).toEqual({ newest: [owners[1]], reached: ["w-0", "w-1"], missed: ["h-0"] });
  const same = owners.map((owner) => ({ ...owner, created: "2026-01-01T00:00:01Z" }));
  expect(newestOwnerReach(same, pods)).toEqual({ newest: same, reached: ["h-0", "w-0", "w-1"], missed: [] });
  expect(newestOwnerReach([], pods)).toEqual({ newest: [], reached: [], missed: ["h-0", "w-0", "w-1"] });
});
