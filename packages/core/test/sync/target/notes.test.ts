import { expect, test } from "vitest";
import { TargetFixture } from "./support/target-fixture.ts";

test("each note of a receipt is reported once, in its order", async () => {
  await using target = new TargetFixture();
  target.container.notes = [
    { code: "owner", path: "a", message: "/src/a: its owner could not be set" },
    { code: "mode", path: "a", message: "/src/a: its mode cannot be set" },
  ];
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.events.filter((event) => event.startsWith("receipt "))).toEqual([
    "receipt /src/a: its owner could not be set",
    "receipt /src/a: its mode cannot be set",
  ]);
});
