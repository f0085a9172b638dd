import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exec, type Runtime } from "@kinsync/transport-exec";
import { createPlayground, podManifest, readIn, untilRunning, type Playground } from "../support/playground.ts";
import { Line } from "./line.ts";

const MODEL_BYTES = 34 * 1024 * 1024;
/** The model takes eight seconds. */
const BYTES_PER_SECOND = MODEL_BYTES / 8;
const model = randomBytes(MODEL_BYTES);

let playground: Playground;
let folder: string;
const workload = {
  workload: "pod/a",
  sync: [
    { from: "models", to: "models" },
    { from: "src", to: "src" },
  ],
};

beforeEach(async () => {
  // Containers have the interpreters of this machine.
  const kubelet = { confinement: "unconfined" } as const;
  [playground, folder] = await Promise.all([
    createPlayground({ kubelet }),
    realpath(tmpdir()).then((path) => mkdtemp(join(path, "kinsync-line-"))),
  ]);
  await Promise.all([mkdir(join(folder, "src")), mkdir(join(folder, "models"))]);
  await Promise.all([save("one"), writeFile(join(folder, "models/model.bin"), model)]);
  playground.apply([podManifest({ name: "a" })]);
  await untilRunning(playground, "a");
});

afterEach(async () => {
  await Promise.all([playground.close(), rm(folder, { recursive: true, force: true })]);
});

function save(content: string): Promise<void> {
  return writeFile(join(folder, "src/f.txt"), content);
}

const inContainer = (path: string): string => playground.kubelet.pathOf("default", "a", "main", `/app/${path}`);

async function hasModel(): Promise<boolean> {
  const found = await stat(inContainer("models/model.bin")).catch(() => undefined);
  return found !== undefined;
}

function untilRead(line: Line, content: string): Promise<void> {
  return line.untilTrue(`a has ${content}`, async () => (await readIn(playground, "a", "src/f.txt")) === content);
}

describe.each<Runtime>(["python3", "node", "sh"])("while a model is on its way, with the agent %s", (runtime) => {
  test("saves of another mapping arrive, and the model arrives whole", { timeout: 120_000 }, async () => {
    using _ = playground.faults.slowExec({ bytesPerSecond: BYTES_PER_SECOND, direction: "stdin" });
    const transports = [exec({ agents: [runtime] })];
    await using line = await Line.start({ playground, folder, workload, transports });
    await untilRead(line, "one");
    const took: number[] = [];
    for (const content of ["two", "three", "four"]) {
      await delay(500);
      const savedAt = performance.now();
      await save(content);
      await untilRead(line, content);
      took.push(performance.now() - savedAt);
      expect(await hasModel()).toBe(false);
    }
    expect(Math.max(...took)).toBeLessThan(1_500);
    expect(line.events.some(({ event }) => event === "ready")).toBe(false);
    await line.ready();
    expect((await readFile(inContainer("models/model.bin"))).equals(model)).toBe(true);
    await save("five");
    await untilRead(line, "five");
  });

  test("the model is removed, and its transfer stops", { timeout: 120_000 }, async () => {
    using slow = playground.faults.slowExec({ bytesPerSecond: BYTES_PER_SECOND / 4, direction: "stdin" });
    const transports = [exec({ agents: [runtime] })];
    await using line = await Line.start({ playground, folder, workload, transports });
    await untilRead(line, "one");
    await delay(1_500);
    await Promise.all([rm(join(folder, "models/model.bin")), writeFile(join(folder, "models/small.bin"), "small")]);
    const removedAt = performance.now();
    await line.untilTrue(
      "the small file is there",
      async () => (await readIn(playground, "a", "models/small.bin")) !== undefined,
    );
    expect(performance.now() - removedAt).toBeLessThan(15_000);
    expect(await hasModel()).toBe(false);
    slow[Symbol.dispose]();
    await line.ready();
  });
});
