/** A request is short. */
export const MAX_REQUEST_CHARACTERS = 1024 * 1024;
/** The status of some hundred thousand targets. */
export const MAX_ANSWER_CHARACTERS = 256 * 1024 * 1024;

/** Splits text into lines, whatever pieces it arrives in. @throws `RangeError` for a line without an end */
export class Lines {
  readonly #limit: number;
  #rest = "";

  /** @param limit characters of the longest line that is read */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(text: string): readonly string[] {
    // Most pieces of a long line end none: appending them costs no copy.
    if (text.includes("\n")) {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      return lines.filter((line) => line.trim() !== "");
    }
    this.#rest += text;
    if (this.#rest.length > this.#limit) throw new RangeError("the line is too long");
    return [];
  }
}
