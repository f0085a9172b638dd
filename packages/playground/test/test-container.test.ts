import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPlayground, createTestContainer } from "../src/index.ts";

test("the container runs, and its files can be read and written from outside", async () => {
  await using container = await createTestContainer({ folder: "/work/deep" });
  const { namespace, pod, podUid } = container.target;
  expect(container.playground.store.get("pods", namespace, pod)?.metadata.uid).toBe(podUid);
  await writeFile(container.pathOf(join(container.folder, "f")), "from outside\n");
  const process = await container.playground.kubelet.exec(
    { namespace, name: pod },
    "main",
    ["cat", join(container.folder, "f")],
    { stdin: false },
  );
  let output = "";
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) output += chunk.toString();
  expect(output).toBe("from outside\n");
});

test("after a restart the target has another container ID, and the files are fresh", async () => {
  await using container = await createTestContainer();
  const before = container.target;
  await writeFile(container.pathOf(join(container.folder, "f")), "x");
  await container.restart();
  expect(container.target.podUid).toBe(before.podUid);
  expect(container.target.containerId).not.toBe(before.containerId);
  await expect(stat(container.pathOf(join(container.folder, "f")))).rejects.toThrow("ENOENT");
});

test("the small folder of a confined container holds no more than 512 KiB", async ({ skip }) => {
  await using container = await createTestContainer();
  if (container.smallFolder === undefined) return skip("containers are not confined on this machine");
  const path = container.pathOf(join(container.smallFolder, "f"));
  await writeFile(path, Buffer.alloc(400 * 1024));
  await expect(writeFile(path, Buffer.alloc(600 * 1024))).rejects.toThrow("ENOSPC");
});

test("containers of one playground do not share files, and their pods go with them", async () => {
  await using playground = await createPlayground();
  const claim = { name: "data", persistentVolumeClaim: { claimName: "team" } };
  const options = {
    playground,
    spec: { volumes: [claim] },
    container: { volumeMounts: [{ name: "data", mountPath: "/data" }] },
  };
  const one = await createTestContainer(options);
  const other = await createTestContainer(options);
  await writeFile(one.pathOf(join(one.folder, "own")), "");
  await expect(readFile(other.pathOf(join(other.folder, "own")))).rejects.toThrow("ENOENT");
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  expect(playground.store.list("pods")).toEqual([]);
});

test("a container that does not start is an error that names its pod, and the pod goes", async () => {
  await using playground = await createPlayground();
  const starting = createTestContainer({ playground, container: { image: "unknown" }, timeout: 500 });
  await expect(starting).rejects.toThrow(/pod test-\w+ to run/);
  expect(playground.store.list("pods")).toEqual([]);
});
