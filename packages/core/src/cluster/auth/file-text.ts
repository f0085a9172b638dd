import { readFile, stat } from "node:fs/promises";

/**
 * A file that somebody else rotates (a mounted token, a certificate). Read again when it changed; while it is away or
 * unreadable in the middle of a rotation, the last text holds.
 */
export class FileText {
  readonly path: string;
  #text: string | undefined;
  #mark = "";

  constructor(path: string) {
    this.path = path;
  }

  /** @throws what the file system says, if the file was never read. */
  async read(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.path);
      const mark = `${mtimeMs} ${size} ${ino}`;
      if (this.#text === undefined || mark !== this.#mark) {
        this.#text = await readFile(this.path, "utf8");
        this.#mark = mark;
      }
      return this.#text;
    } catch (error) {
      if (this.#text === undefined) throw error;
      return this.#text;
    }
  }

  /** Read it in any case the next time: a change within one tick of the clock can leave the same mark. */
  forget(): void {
    this.#mark = "";
  }
}
