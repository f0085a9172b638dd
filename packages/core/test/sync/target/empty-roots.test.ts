import { expect, test } from "vitest";
import type { Batch } from "../../../src/contract/transport.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { TargetFixture } from "./support/target-fixture.ts";

test("a folder that holds nothing is not asked for each path", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1", b: "2", c: "3" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1", b: "2", c: "3" });
  expect(target.container.storage.requested).toBe(0);
});

test("a folder that does not exist before the claim is not asked for each path, either", async () => {
  await using target = new TargetFixture();
  const { container } = target;
  container.onOpen = () => {
    const session = container.opened.at(-1);
    if (session === undefined) return;
    const inventory = session.inventory.bind(session);
    session.inventory = async (spec, options) => {
      const found = await inventory(spec, options);
      return container.storage.claims > 0 ? found : { ...found, root: "missing", isEmpty: false };
    };
  };
  const files = target.files("src");
  files.set({ a: "1", b: "2", c: "3" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(container.seen("src")).toEqual({ a: "1", b: "2", c: "3" });
  expect(container.storage.requested).toBe(0);
});

/** Another program writes into the folder between the first look and the claim. */
function whileClaimed(target: TargetFixture, write: () => void): void {
  const { container } = target;
  container.onOpen = () => {
    const session = container.opened.at(-1);
    if (session === undefined) return;
    const claim = session.claim.bind(session);
    const inventory = session.inventory.bind(session);
    let claimed: Promise<void> | undefined;
    session.claim = (spec, options) => {
      claimed = target.turns(5).then(() => {
        write();
        return claim(spec, options);
      });
      return claimed;
    };
    session.inventory = async (spec, options) => {
      await claimed?.catch(() => undefined);
      return inventory(spec, options);
    };
  };
}

/** What is staged while the folder is claimed, and what is not. */
const PRESUMED = [
  ["also where all was staged meanwhile", 0, 1],
  ["also where nothing was staged meanwhile", 1_000, 0],
] as const;

test.each(PRESUMED)(
  "a file that another program writes before the claim is compared, %s",
  async (_where, bytes, discarded) => {
    await using target = new TargetFixture();
    const { container } = target;
    target.presumedBytes = bytes;
    whileClaimed(target, () => container.put("src", "a", "theirs"));
    const files = target.files("src");
    files.set({ a: "mine", b: "2" });
    target.start({ files: [files] });
    await target.until(target.synced(1));
    expect(container.seen("src")).toEqual({ a: "mine", b: "2" });
    expect(container.storage.requested).toBe(2);
    expect(container.discarded).toBe(discarded);
    expect([...container.root("src").placed].toSorted()).toEqual(["a", "b"]);
  },
);

test("what another program writes as it should be causes no command", async () => {
  await using target = new TargetFixture();
  const { container } = target;
  target.presumedBytes = 0;
  whileClaimed(target, () => container.put("src", "a", "1"));
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["a"], command: "build" }] });
  await target.until(target.synced(1));
  await target.turns(5);
  expect(container.discarded).toBe(1);
  expect(target.events.filter((event) => event.startsWith("run "))).toEqual([]);
});

test("what is staged while a folder is claimed causes its command once, after it is there", async () => {
  await using target = new TargetFixture();
  const { container } = target;
  target.presumedBytes = 0;
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["a"], command: "build" }] });
  await target.until(() => target.events.some((event) => event.startsWith("run ")));
  await target.until(target.synced(1));
  await target.turns(5);
  expect(container.log.filter((line) => !line.startsWith("inventory"))).toEqual([
    "commit src file a",
    "run build",
    // The marker owes nothing anymore.
    "commit src ",
  ]);
  expect(container.discarded).toBe(0);
});

test("what was staged for a claim that failed is dropped, and the next session brings it", async () => {
  await using target = new TargetFixture();
  const { container } = target;
  target.presumedBytes = 0;
  whileClaimed(target, () => {});
  container.failNext("claim", new KinsyncError("KINSYNC_TARGET_LOST", "no answer"));
  const files = target.files("src");
  files.set({ a: "1", b: "2" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(container.seen("src")).toEqual({ a: "1", b: "2" });
  expect(container.sessions).toBe(2);
  expect(container.log.filter((line) => line.startsWith("commit"))).toHaveLength(1);
});

test("of an emptied folder, the manifest keeps its paths", async () => {
  await using target = new TargetFixture();
  const { container } = target;
  target.presumedBytes = 0;
  container.root("src").placed.add("a");
  const files = target.files("src");
  files.set({ a: "1", b: "2" });
  const staged: Batch[] = [];
  container.onBatch = (what, batch) => void (what === "staged" && staged.push(batch));
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(staged.map(({ placed }) => placed)).toEqual([["b"]]);
  expect(container.seen("src")).toEqual({ a: "1", b: "2" });
});

test("files are read and staged while an empty folder is claimed, and only once", async () => {
  await using target = new TargetFixture();
  target.presumedBytes = 0;
  const { container } = target;
  const read: string[] = [];
  const firstRead = Promise.withResolvers<void>();
  container.onOpen = () => {
    const session = container.opened.at(-1);
    if (session === undefined) return;
    const claim = session.claim.bind(session);
    session.claim = async (spec, options) => {
      // It would never be answered if the reading waited for its answer.
      await firstRead.promise;
      return claim(spec, options);
    };
  };
  const files = target.files("src");
  files.reading = (content) => ({
    open(file, signal) {
      read.push(file.digest);
      firstRead.resolve();
      return content.open(file, signal);
    },
  });
  files.set({ a: "1", b: "2" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(container.seen("src")).toEqual({ a: "1", b: "2" });
  expect(read).toEqual(
    [...(files.tree?.entries.values() ?? [])].flatMap((entry) => (entry.type === "file" ? entry.digest : [])),
  );
});

test("what an image holds is compared", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "a", "1");
  const files = target.files("src");
  files.set({ a: "1", b: "2" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.container.storage.rewritten).toEqual([]);
  expect(target.container.seen("src")).toEqual({ a: "1", b: "2" });
});
