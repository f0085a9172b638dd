import assert from "node:assert/strict";
import { posix } from "node:path";
import type { Requirement } from "./requirement.ts";

/** Links that the container has already: a batch never writes through them. */
export const foreignLinkRequirements: readonly Requirement[] = [
  {
    name: "a link to a folder outside of the root is never followed",
    needs: ["folders", "deletes"],
    hooks: ["makeLink"],
    async check(fixture) {
      const { environment } = fixture;
      const outside = posix.join(environment.folder, "outside");
      await environment.makeDirectory(outside);
      await environment.writeFile(posix.join(outside, "f"), "untouched");
      const session = await fixture.openAndClaim();
      await environment.makeLink?.("../outside", fixture.at("dir"));
      const inventory = await session.inventory(fixture.root, { paths: ["dir", "dir/f"], ...fixture.options });
      assert.deepEqual(inventory.entries, [{ type: "link", path: "dir", target: "../outside" }]);
      await assert.rejects(
        fixture.apply(session, [{ file: "dir/f", bytes: "through the link", replaces: "file" }]),
        "a file was written below the link",
      );
      const next = await fixture.openAndClaim();
      await fixture.apply(next, [{ remove: "dir/f" }]);
      await fixture.apply(next, [
        { directory: "dir", replaces: "link" },
        { file: "dir/f", bytes: "inside" },
      ]);
      await fixture.expectFile("dir/f", "inside");
      const bytes = await environment.readFile(posix.join(outside, "f"));
      assert.equal(Buffer.from(bytes).toString(), "untouched");
    },
  },
  {
    name: "a file replaces a link and is not written through it",
    hooks: ["makeLink"],
    async check(fixture) {
      const { environment } = fixture;
      const outside = posix.join(environment.folder, "outside");
      await environment.writeFile(outside, "untouched");
      const session = await fixture.openAndClaim();
      await environment.makeLink?.("../outside", fixture.at("f"));
      await fixture.apply(session, [{ file: "f", bytes: "mine", replaces: "link" }]);
      await fixture.expectFile("f", "mine");
      assert.equal(Buffer.from(await environment.readFile(outside)).toString(), "untouched");
    },
  },
];
