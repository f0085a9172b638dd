import assert from "node:assert/strict";
import type { InventoryEntry } from "../../contract/inventory.ts";
import { HOST, OWNER } from "./fixture.ts";
import type { Requirement } from "./requirement.ts";

const ABC_DIGEST = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/** What an inventory reports, and what one session leaves for the next. */
export const inventoryRequirements: readonly Requirement[] = [
  {
    name: "an inventory of a missing root reports it as missing and creates nothing",
    async check(fixture) {
      const session = await fixture.open();
      const inventory = await session.inventory(fixture.root, { paths: ["a"], ...fixture.options });
      assert.equal(inventory.root, "missing");
      assert.deepEqual([...inventory.entries, ...inventory.placed], []);
      assert.equal(await fixture.environment.lstat(fixture.root.path), undefined);
    },
  },
  {
    name: "an inventory reports the requested paths that exist, with their digests, and the marker",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const batch = await fixture.batch([{ file: "a", bytes: "abc", mode: 0o640 }], { snapshot: 3 });
      await fixture.deliver(session, batch);
      await fixture.environment.writeFile(fixture.at("theirs"), "t");
      const inventory = await session.inventory(fixture.root, { paths: ["a", "missing"], ...fixture.options });
      assert.equal(inventory.root, "directory");
      assert.deepEqual(inventory.entries.map(comparable(fixture.capabilities.modes)), [
        { type: "file", path: "a", mode: fixture.capabilities.modes ? 0o640 : 0, size: 3, digest: ABC_DIGEST },
      ]);
      assert.deepEqual(inventory.placed, ["a"]);
      const { marker } = inventory;
      assert.deepEqual([marker?.runId, marker?.snapshot, marker?.tree], [fixture.runId, 3, batch.tree]);
    },
  },
  {
    name: "an inventory reports what the container holds, not what was sent",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "a", bytes: "sent" }]);
      await fixture.environment.writeFile(fixture.at("a"), "abc");
      const { entries, placed } = await session.inventory(fixture.root, { paths: ["a"], ...fixture.options });
      const found = entries.map((entry) =>
        entry.type === "file" ? [entry.path, entry.size, entry.digest] : entry.type,
      );
      assert.deepEqual(found, [["a", 3, ABC_DIGEST]]);
      assert.deepEqual(placed, ["a"]);
    },
  },
  {
    name: "the marker names run, owner, begin and origin of the files, from the claim on",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const check = async (snapshot: number, tree: string): Promise<void> => {
        const { marker } = await session.inventory(fixture.root, { paths: [], ...fixture.options });
        const { runId, owner, since, origin, incarnation } = marker ?? {};
        assert.deepEqual(
          { runId, owner, since, origin, incarnation, snapshot: marker?.snapshot, tree: marker?.tree },
          {
            runId: fixture.runId,
            owner: OWNER,
            since: fixture.since,
            origin: { host: HOST, folder: fixture.root.from },
            incarnation: session.facts.incarnation,
            snapshot,
            tree,
          },
        );
      };
      await check(0, "");
      const batch = await fixture.batch([{ file: "a", bytes: "1" }], { snapshot: 4 });
      await fixture.deliver(session, batch);
      await check(4, batch.tree);
    },
  },
  {
    name: "an inventory calls a root empty only where nothing is in it",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const isEmpty = async (): Promise<boolean> =>
        (await session.inventory(fixture.root, { paths: [], ...fixture.options })).isEmpty === true;
      // Whether it says so for an empty root is left to the transport.
      await isEmpty();
      for (const name of [".hidden", "theirs"]) {
        await fixture.environment.writeFile(fixture.at(name), "t");
        assert.ok(!(await isEmpty()), `${name} is in the root, and the inventory calls the root empty`);
      }
    },
  },
  {
    name: "an inventory reports folders and links as such",
    needs: ["folders", "links"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [
        { directory: "d" },
        { file: "d/a", bytes: "abc", mode: 0o640 },
        { link: "l", target: "d/a" },
      ]);
      const paths = ["d", "d/a", "l", "missing", "d/missing"];
      const inventory = await session.inventory(fixture.root, { paths, ...fixture.options });
      const { modes } = fixture.capabilities;
      assert.deepEqual(inventory.entries.map(comparable(modes)).toSorted(byPath), [
        { type: "directory", path: "d", mode: modes ? 0o755 : 0 },
        { type: "file", path: "d/a", mode: modes ? 0o640 : 0, size: 3, digest: ABC_DIGEST },
        { type: "link", path: "l", target: "d/a" },
      ]);
      assert.deepEqual(inventory.placed.toSorted(), ["d", "d/a", "l"]);
    },
  },
  {
    name: "an inventory with `list` reports every path, also those that kinsync did not create",
    needs: ["mirror"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "a", bytes: "1" }]);
      await fixture.environment.writeFile(fixture.at("theirs"), "t");
      const inventory = await session.inventory(fixture.root, { paths: [], list: true, ...fixture.options });
      assert.deepEqual(inventory.entries.map(({ path }) => path).toSorted(), ["a", "theirs"]);
    },
  },
  {
    name: "the next session reports what an earlier one created and did not delete",
    async check(fixture) {
      const first = await fixture.openAndClaim();
      await fixture.apply(first, [
        { file: "a", bytes: "1" },
        { file: "b", bytes: "2" },
      ]);
      if (fixture.capabilities.deletes) await fixture.apply(first, [{ remove: "b" }]);
      await first[Symbol.asyncDispose]();
      const second = await fixture.open("another run");
      const inventory = await second.inventory(fixture.root, { paths: [], ...fixture.options });
      const created = fixture.capabilities.deletes ? ["a"] : ["a", "b"];
      assert.deepEqual(inventory.placed.toSorted(), created);
      // Also without being requested: kinsync may have to delete it.
      assert.deepEqual(inventory.entries.map(({ path }) => path).toSorted(), created);
      assert.equal(inventory.marker?.runId, fixture.runId);
      await fixture.claim(second);
      const { placed } = await second.inventory(fixture.root, { paths: [], ...fixture.options });
      assert.deepEqual(placed.toSorted(), created, "the claim of the next session changes what is reported");
    },
  },
  {
    name: "a closed session leaves nothing but the files and the state directory",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "a", bytes: "1" }]);
      await session[Symbol.asyncDispose]();
      const { environment, root } = fixture;
      const beside = await environment.list(environment.folder);
      assert.deepEqual(
        beside.filter((name) => name !== "root" && name !== ".kinsync"),
        [],
      );
      const inside = await environment.list(root.path);
      assert.deepEqual(
        inside.filter((name) => name !== "a" && name !== ".kinsync"),
        [],
      );
    },
  },
];

/** Modes count only where the transport claims them. */
function comparable(modes: boolean): (entry: InventoryEntry) => InventoryEntry {
  return (entry) => (!modes && "mode" in entry ? { ...entry, mode: 0 } : entry);
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}
