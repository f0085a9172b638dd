import { expect, test } from "vitest";
import { PODS, pod } from "../support/objects.ts";
import { setup, until, names, untilWatched } from "./support/reflector.ts";

test("events are applied, also when every byte arrives alone", async () => {
  const { cluster, start } = setup();
  cluster.chunk = 1;
  cluster.put(pod("a", { labels: { text: "ünïcödé ✓" } }));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.put(pod("b", { labels: { text: "ünïcödé ✓" } }));
  await until(reflector, () => names(reflector).length === 2);
  expect(reflector.store.get("uid-b")?.metadata.labels).toEqual({ text: "ünïcödé ✓" });
  cluster.delete(pod("a"));
  await until(reflector, () => names(reflector).length === 1);
  expect(names(reflector)).toEqual(["b"]);
});

test("a dropped watch continues from its version", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.drop();
  cluster.put(pod("b"));
  cluster.delete(pod("a"));
  await until(reflector, () => names(reflector).join() === "b");
  const lists = cluster.requests.filter((request) => request.query?.["watch"] !== true);
  expect(lists).toHaveLength(1);
});

test("a bookmark updates the version that the next watch starts from", async () => {
  const { cluster, start } = setup();
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.bookmark(PODS);
  cluster.put(pod("a"));
  await until(reflector, () => names(reflector).length === 1);
  const again = cluster.nextRequest((request) => request.query?.["watch"] === true);
  cluster.end();
  await again;
  expect(cluster.requests.at(-1)?.query?.["resourceVersion"]).toBe(
    reflector.store.get("uid-a")?.metadata.resourceVersion,
  );
});

test("an expired version is listed again, and objects deleted meanwhile are removed", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"), pod("b"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.drop();
  cluster.delete(pod("a"));
  cluster.put(pod("c"));
  cluster.compact();
  await until(reflector, () => names(reflector).join() === "b,c");
  expect(reflector.status.state).toBe("synced");
});

test("a name that returns with another UID is a deletion and an addition", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a", { uid: "old" }));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  const seen: string[] = [];
  reflector.subscribe({
    onChange: (changes) => seen.push(...changes.map((change) => `${change.type} ${change.object.metadata.uid}`)),
  });
  cluster.drop();
  cluster.put(pod("a", { uid: "new" }));
  cluster.compact();
  await until(reflector, () => reflector.store.get("new") !== undefined);
  expect(seen).toEqual(["deleted old", "added new"]);
});

test("a missed deletion of a name does not leave two objects", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a", { uid: "old" }));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.send(PODS, { type: "ADDED", object: pod("a", { uid: "new" }) });
  await until(reflector, () => reflector.store.get("new") !== undefined);
  expect(reflector.store.get("old")).toBeUndefined();
});

test("an ERROR event other than 410 is reported and listed again", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.send(PODS, { type: "ERROR", object: { kind: "Status", code: 500, message: "etcd is gone" } });
  await until(reflector, () => reflector.status.state === "retrying");
  expect("error" in reflector.status && reflector.status.error.message).toContain("etcd is gone");
  await until(reflector, () => reflector.status.state === "synced");
});

test("a line that is not JSON is reported, and the watch continues", async () => {
  const { cluster, start } = setup();
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.sendRaw(PODS, "<html>login</html>\n");
  await until(reflector, () => reflector.status.state === "retrying");
  cluster.put(pod("a"));
  await until(reflector, () => names(reflector).join() === "a");
  expect(reflector.status.state).toBe("synced");
});

test("a silent watch is requested again", async () => {
  const { cluster, start } = setup({}, { idle: 20 });
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  const again = cluster.nextRequest((request) => request.query?.["watch"] === true);
  await again;
  cluster.put(pod("b"));
  await until(reflector, () => names(reflector).length === 2);
  expect(reflector.status.state).toBe("synced");
});
