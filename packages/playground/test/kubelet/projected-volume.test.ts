import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProjectedVolume } from "../../src/kubelet/projected-volume.ts";

let folder: string;
let data: Record<string, string> | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "projected-"));
  data = { a: "1", b: "1" };
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function volume(more: object = {}): ProjectedVolume {
  const sources = {
    data: () =>
      data && Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value)] as const)),
  };
  return new ProjectedVolume(folder, "configmaps", { name: "words", ...more }, sources);
}

const visible = async (): Promise<string[]> => (await readdir(folder)).filter((name) => !name.startsWith("..")).sort();

describe("a volume that shows a ConfigMap", () => {
  it("swaps `..data` for all files at once, and leaves one folder of files", async () => {
    const files = volume();
    await files.update();
    const before = await readlink(join(folder, "..data"));
    data = { a: "2", c: "2" };
    await files.update();
    expect(await readlink(join(folder, "..data"))).not.toBe(before);
    expect(await visible()).toEqual(["a", "c"]);
    expect(await readFile(join(folder, "a"), "utf8")).toBe("2");
    expect(await readlink(join(folder, "c"))).toBe("..data/c");
    expect((await readdir(folder)).filter((name) => name.startsWith("..2"))).toHaveLength(1);
  });

  it("keeps its files while nothing changed, and after the object was deleted", async () => {
    const files = volume();
    await files.update();
    const before = await readlink(join(folder, "..data"));
    await files.update();
    expect(await readlink(join(folder, "..data"))).toBe(before);
    data = undefined;
    await expect(files.update()).rejects.toThrow('configmap "words" not found');
    expect(await visible()).toEqual(["a", "b"]);
  });

  it("shows only its items, under their paths", async () => {
    await volume({ items: [{ key: "a", path: "deep/x" }] }).update();
    expect(await visible()).toEqual(["deep"]);
    expect(await readFile(join(folder, "deep/x"), "utf8")).toBe("1");
  });
});
