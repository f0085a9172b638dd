import { readFile, stat } from "node:fs/promises";

/**
 * A file that another program rotates (a mounted token, a certificate). Read again when it changed; while it is missing or
 * unreadable in the middle of a rotation, the last text stays valid.
 */
export class FileText {
  readonly path: string;
  #text: string | undefined;
  #mark = "";

  constructor(path: string) {
    this.path = path;
  }

  /** @throws the file system's error, if the file was never read. */
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

  /** Forces the next read: a change within one tick of the clock can leave the same mark. */
  forget(): void {
    this.#mark = "";
  }
}
