import { describe, expect, it } from "vitest";
import { findImage } from "../../src/runtime/image.ts";

describe("the name of an image", () => {
  it("is matched with and without host, tag and digest", () => {
    const image = { workingDir: "/x" };
    const images = { "my/tool": image, busybox: image };
    for (const name of [
      "my/tool",
      "my/tool:1",
      "localhost/my/tool:2",
      "reg.io:5000/my/tool@sha256:0",
      "docker.io/library/busybox:1",
      "localhost/busybox",
    ]) {
      expect(findImage(images, name), name).toBe(image);
    }
    expect(findImage(images, "tool")).toBeUndefined();
    expect(findImage(images, "toString")).toBeUndefined();
  });
});
