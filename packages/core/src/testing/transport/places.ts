import assert from "node:assert/strict";
import { posix } from "node:path";
import type { Place } from "../../contract/place.ts";
import type { Fixture } from "./fixture.ts";
import { NotApplicable, type Requirement } from "./requirement.ts";

/** What a transport answers about where files land. Checked for transports that have `place`. */
export const placeRequirements: readonly Requirement[] = [
  {
    name: "the place of a folder is the same at every call, also before anything was opened",
    async check(fixture) {
      const before = placeOf(fixture, fixture.root.path);
      assert.deepEqual(placeOf(fixture, fixture.root.path), before);
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "f", bytes: "x" }]);
      assert.deepEqual(placeOf(fixture, fixture.root.path), before);
    },
  },
  {
    name: "a folder in a folder has a place below its place, and folders side by side have different places",
    async check(fixture) {
      const { folder } = fixture.environment;
      const outer = placeOf(fixture, folder);
      const [one, other] = ["one", "other"].map((name) => placeOf(fixture, posix.join(folder, name)));
      if (outer === undefined || one === undefined || other === undefined) {
        throw new NotApplicable("the test environment's folder has no place of its own");
      }
      assert.notDeepEqual(one, other);
      assert.equal(one.volume, outer.volume);
      assert.equal(one.path, posix.join(outer.path, "one"));
    },
  },
  {
    name: "a place is unknown, and no error, for a relative folder and without the pod",
    async check(fixture) {
      const { transport, target } = fixture.environment;
      assert.equal(placeOf(fixture, "src"), undefined);
      transport.place?.(target, fixture.root, {});
    },
  },
];

function placeOf({ environment, root }: Fixture, path: string): Place | undefined {
  const { transport, target, context } = environment;
  if (transport.place === undefined) throw new NotApplicable("the transport has no `place`");
  const pod = context?.pod;
  const place = transport.place(target, { ...root, path }, pod === undefined ? {} : { pod });
  if (place !== undefined) assert.equal(place.path, posix.resolve(place.path), "the path is absolute and normalized");
  return place;
}
