/** A longer line is not read. */
const MAX_LINE_CHARACTERS = 1024 * 1024;

/** Splits text into lines, whatever pieces it arrives in. @throws `RangeError` for a line without an end */
export class Lines {
  #rest = "";

  push(text: string): readonly string[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_LINE_CHARACTERS) throw new RangeError("the line is too long");
    return lines.filter((line) => line.trim() !== "");
  }
}
