import { appendFile, copyFile, open, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { run } from "../harness/command.ts";
import { mappedPod } from "../harness/mapped-pod.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { TO } from "../harness/fixture.ts";
import type { Stage } from "../harness/fixture.ts";

interface Editor {
  /** `… saves by …` */
  readonly name: string;
  /** Saves as that editor does, by the same steps. */
  readonly save: (file: string, content: string) => Promise<void>;
  /** It writes over the file, so that for a moment only a part is there. */
  readonly inPlace?: true;
}

function beside(file: string, change: (name: string) => string): string {
  return file.replace(/[^/]*$/, change);
}

const EDITORS: readonly Editor[] = [
  {
    name: "vim saves by a new file, with the old one out of the way",
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
    name: "vim with backupcopy saves over the file, with a copy of it aside",
    inPlace: true,
    save: async (file, content) => {
      await copyFile(file, `${file}~`);
      await writeFile(file, content);
      await rm(`${file}~`);
    },
  },
  {
    name: "emacs saves by a new file, keeps the old one, and locks by a link that leads nowhere",
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
    name: "VS Code saves over the file",
    inPlace: true,
    save: (file, content) => writeFile(file, content),
  },
  {
    name: "JetBrains saves by a new file, and puts the old one away after",
    save: async (file, content) => {
      await writeFile(`${file}___jb_tmp___`, content);
      await rename(file, `${file}___jb_old___`);
      await rename(`${file}___jb_tmp___`, file);
      await rm(`${file}___jb_old___`);
    },
  },
  {
    name: "gedit saves by a stream file that takes the name",
    save: async (file, content) => {
      const stream = beside(file, () => ".goutputstream-X1Y2Z3");
      await writeFile(stream, content);
      await rename(stream, file);
    },
  },
  {
    name: "mv puts a file from elsewhere over it",
    save: async (file, content) => {
      const elsewhere = `${file.replace(/\/src\//, "/")}.new`;
      await writeFile(elsewhere, content);
      await run(["mv", elsewhere, file]);
    },
  },
  {
    name: "sed -i edits it",
    save: (file, content) => run(["sed", "-i", `s/.*/${content.trimEnd()}/`, file]).then(() => {}),
  },
  {
    name: "a program writes it in two pieces, 3 ms apart",
    inPlace: true,
    save: async (file, content) => {
      const half = Math.floor(content.length / 2);
      await writeFile(file, content.slice(0, half));
      await delay(3);
      await appendFile(file, content.slice(half));
    },
  },
];

/** What a file in the container is seen to hold while somebody saves, without repetitions. */
async function seenWhile(stage: Stage, pod: Pod, play: () => Promise<void>): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  const ending = new AbortController();
  const looking = (async () => {
    while (!ending.signal.aborted) {
      const file = await stage.look(pod, `${TO}/f.txt`);
      seen.add(file?.["."] ?? "nothing");
      await delay(2);
    }
  })();
  try {
    await play();
  } finally {
    ending.abort();
    await looking;
  }
  return seen;
}

for (const { name, save, inPlace = false } of EDITORS) {
  situation(`${name}: each save arrives, and nothing else does`, {}, async (stage) => {
    const { project } = stage;
    const file = project.path("src/f.txt");
    const versions = ["version 1", "another one", "v3", "the fourth version of it", "version 5"].map(
      (each) => `${each}\n`,
    );
    await project.writeAll({ "src/f.txt": "first\n", "src/g.txt": "g\n" });
    const { x } = await mappedPod(stage);
    const seen = await seenWhile(stage, x, async () => {
      for (const content of versions) {
        await save(file, content);
        const expected = { "f.txt": `file: ${content}`, "g.txt": "file: g\n" };
        await expect.poll(() => stage.look(x), { timeout: 60_000, interval: 5 }).toEqual(expected);
      }
    });
    // At no time it held what the local file never did. A rename away, and a file that is written over, are states too.
    const whole = ["first\n", ...versions];
    for (const entry of seen) {
      const content = entry.replace(/^file: /, "");
      const isState =
        entry === "nothing" ? !inPlace : whole.some((each) => (inPlace ? each.startsWith(content) : each === content));
      expect({ entry, isState }).toEqual({ entry, isState: true });
    }
    for (const content of versions) await save(file, content);
    const expected = { "f.txt": `file: ${versions.at(-1)}`, "g.txt": "file: g\n" };
    await expect.poll(() => stage.look(x), { timeout: 60_000, interval: 20 }).toEqual(expected);
  });
}

situation("two saves of equal size within a millisecond: the second one is there", {}, async (stage) => {
  const { project } = stage;
  await project.write("src/f.txt", "0000 start\n");
  const { x } = await mappedPod(stage);
  const file = await open(project.path("src/f.txt"), "r+");
  try {
    for (let round = 1; round <= 30; round += 1) {
      const number = String(round).padStart(4, "0");
      await file.write(Buffer.from(`${number} first\n`), 0, 11, 0);
      // While the first one is looked at, or before, or after.
      if (round % 3 === 1) await delay(round / 3);
      await file.write(Buffer.from(`${number} later\n`), 0, 11, 0);
      await expect
        .poll(async () => (await stage.look(x))?.["f.txt"], { timeout: 60_000, interval: 5 })
        .toBe(`file: ${number} later\n`);
    }
  } finally {
    await file.close();
  }
});

situation("a save that keeps the size and sets the time back is carried", {}, async (stage) => {
  const { project } = stage;
  await project.write("src/f.txt", "one\n");
  const { x, pods } = await mappedPod(stage);
  const then = new Date("2020-01-02T03:04:05Z");
  await utimes(project.path("src/f.txt"), then, then);
  await stage.same(pods);
  await project.write("src/f.txt", "two\n");
  await utimes(project.path("src/f.txt"), then, then);
  await expect
    .poll(async () => (await stage.look(x))?.["f.txt"], { timeout: 60_000, interval: 20 })
    .toBe("file: two\n");
});
