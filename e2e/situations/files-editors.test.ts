import { appendFile, copyFile, open, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { run } from "../harness/command.ts";
import { TO } from "../harness/fixture.ts";
import type { Fixture } from "../harness/fixture.ts";
import { mappedPod } from "../harness/mapped-pod.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

interface Editor {
  readonly name: string;
  /** Saves by the same steps as the editor. */
  readonly save: (file: string, content: string) => Promise<void>;
  /** It overwrites the file, which is therefore incomplete for a moment. */
  readonly inPlace?: true;
}

function beside(file: string, change: (name: string) => string): string {
  return file.replace(/[^/]*$/, change);
}

const EDITORS: readonly Editor[] = [
  {
    name: "vim creates a new file",
    save: async (file, content) => {
      await writeFile(
        beside(file, (name) => `.${name}.swp`),
        "swap",
      );
      const probe = beside(file, () => "4913");
      await writeFile(probe, "");
      await rm(probe);
      await rename(file, `${file}~`);
      await writeFile(file, content);
      await rm(`${file}~`);
      await rm(beside(file, (name) => `.${name}.swp`));
    },
  },
  {
    name: "vim with backupcopy overwrites the file",
    inPlace: true,
    save: async (file, content) => {
      await copyFile(file, `${file}~`);
      await writeFile(file, content);
      await rm(`${file}~`);
    },
  },
  {
    name: "emacs creates a new file and a dangling lock link",
    save: async (file, content) => {
      const lock = beside(file, (name) => `.#${name}`);
      const autosave = beside(file, (name) => `#${name}#`);
      await symlink("somebody@laptop.4242:1700000000", lock);
      await writeFile(autosave, content);
      await rename(file, `${file}~`);
      await writeFile(file, content);
      await rm(autosave);
      await rm(lock);
    },
  },
  {
    name: "VS Code overwrites the file",
    inPlace: true,
    save: (file, content) => writeFile(file, content),
  },
  {
    name: "JetBrains swaps in a new file",
    save: async (file, content) => {
      await writeFile(`${file}___jb_tmp___`, content);
      await rename(file, `${file}___jb_old___`);
      await rename(`${file}___jb_tmp___`, file);
      await rm(`${file}___jb_old___`);
    },
  },
  {
    name: "gedit renames a stream file",
    save: async (file, content) => {
      const stream = beside(file, () => ".goutputstream-X1Y2Z3");
      await writeFile(stream, content);
      await rename(stream, file);
    },
  },
  {
    name: "mv replaces the file",
    save: async (file, content) => {
      const elsewhere = `${file.replace(/\/src\//, "/")}.new`;
      await writeFile(elsewhere, content);
      await run(["mv", elsewhere, file]);
    },
  },
  {
    name: "sed -i replaces the file",
    save: (file, content) => run(["sed", "-i", `s/.*/${content.trimEnd()}/`, file]).then(() => {}),
  },
  {
    name: "a program writes the file in two pieces",
    inPlace: true,
    save: async (file, content) => {
      const half = Math.floor(content.length / 2);
      await writeFile(file, content.slice(0, half));
      await delay(3);
      await appendFile(file, content.slice(half));
    },
  },
];

/** The distinct contents that a file in the container has during some saves. */
async function contentsDuring(fixture: Fixture, pod: Pod, saves: () => Promise<void>): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  const ending = new AbortController();
  const reading = (async () => {
    while (!ending.signal.aborted) {
      const file = await fixture.list(pod, `${TO}/f.txt`);
      seen.add(file?.["."] ?? "nothing");
      await delay(2);
    }
  })();
  try {
    await saves();
  } finally {
    ending.abort();
    await reading;
  }
  return seen;
}

for (const { name, save, inPlace = false } of EDITORS) {
  situation(`${name}: exactly the saved content arrives`, {}, async (fixture) => {
    const { project } = fixture;
    const file = project.path("src/f.txt");
    const versions = ["version 1", "another one", "v3", "the fourth version of it", "version 5"].map(
      (each) => `${each}\n`,
    );
    await project.writeAll({ "src/f.txt": "first\n", "src/g.txt": "g\n" });
    const { x } = await mappedPod(fixture);
    const seen = await contentsDuring(fixture, x, async () => {
      for (const content of versions) {
        await save(file, content);
        const expected = { "f.txt": `file: ${content}`, "g.txt": "file: g\n" };
        await expect.poll(() => fixture.list(x), { timeout: 60_000, interval: 5 }).toEqual(expected);
      }
    });
    // The file never has content that the local file never had. A missing file, or a part of a file that is overwritten, can be such a state.
    const whole = ["first\n", ...versions];
    for (const entry of seen) {
      const content = entry.replace(/^file: /, "");
      const isState =
        entry === "nothing" ? !inPlace : whole.some((each) => (inPlace ? each.startsWith(content) : each === content));
      expect({ entry, isState }).toEqual({ entry, isState: true });
    }
    for (const content of versions) await save(file, content);
    const expected = { "f.txt": `file: ${versions.at(-1)}`, "g.txt": "file: g\n" };
    await expect.poll(() => fixture.list(x), { timeout: 60_000, interval: 20 }).toEqual(expected);
  });
}

situation("the second of two saves within a millisecond arrives", {}, async (fixture) => {
  const { project } = fixture;
  await project.write("src/f.txt", "0000 start\n");
  const { x } = await mappedPod(fixture);
  const file = await open(project.path("src/f.txt"), "r+");
  try {
    for (let round = 1; round <= 30; round += 1) {
      const number = String(round).padStart(4, "0");
      await file.write(Buffer.from(`${number} first\n`), 0, 11, 0);
      // Before, while, or after kinsync reads the first one.
      if (round % 3 === 1) await delay(round / 3);
      await file.write(Buffer.from(`${number} later\n`), 0, 11, 0);
      await expect
        .poll(async () => (await fixture.list(x))?.["f.txt"], { timeout: 60_000, interval: 5 })
        .toBe(`file: ${number} later\n`);
    }
  } finally {
    await file.close();
  }
});

situation("a save with an old timestamp and the same size is synced", {}, async (fixture) => {
  const { project } = fixture;
  await project.write("src/f.txt", "one\n");
  const { x, pods } = await mappedPod(fixture);
  const then = new Date("2020-01-02T03:04:05Z");
  await utimes(project.path("src/f.txt"), then, then);
  await fixture.untilSame(pods);
  await project.write("src/f.txt", "two\n");
  await utimes(project.path("src/f.txt"), then, then);
  await expect
    .poll(async () => (await fixture.list(x))?.["f.txt"], { timeout: 60_000, interval: 20 })
    .toBe("file: two\n");
});
