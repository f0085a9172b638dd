import { expect, test } from "vitest";
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

test("a file that another program writes between the first look and the claim is compared, not trusted", async () => {
  await using target = new TargetFixture();
  const { container } = target;
  container.onOpen = () => {
    const session = container.opened.at(-1);
    if (session === undefined) return;
    const claim = session.claim.bind(session);
    session.claim = (spec, options) => {
      container.put("src", "a", "theirs");
      return claim(spec, options);
    };
  };
  const files = target.files("src");
  files.set({ a: "mine", b: "2" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(container.seen("src")).toEqual({ a: "mine", b: "2" });
  expect(container.storage.requested).toBe(2);
});

test("files are read while an empty folder is claimed, and only once", async () => {
  await using target = new TargetFixture();
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
