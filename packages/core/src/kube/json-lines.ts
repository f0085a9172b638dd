import { KinsyncError } from "../errors/error.ts";

/** Characters of one line. etcd stores no object near that size. */
const LONGEST_LINE = 32 * 1024 * 1024;

/**
 * The JSON values of a stream with one value per line, as watches send them; chunks may end anywhere. Rejects with
 * `KINSYNC_CLUSTER_ANSWER` for a line that is not JSON or too long.
 */
export async function* jsonLines(
  body: AsyncIterable<Uint8Array>,
  onChunk: () => void,
): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of body) {
    onChunk();
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      pieces.push(text.slice(start, end));
      const line = pieces.join("");
      pieces = [];
      length = 0;
      start = end + 1;
      if (line.trim() !== "") yield parse(line);
    }
    if (start < text.length) {
      pieces.push(text.slice(start));
      length += text.length - start;
      if (length > LONGEST_LINE) throw badLine("a line of a watch is longer than 32 MiB");
    }
  }
  // A last line without its end was cut off; the next watch sends that event again.
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    throw badLine("a line of a watch is not JSON", error);
  }
}

function badLine(message: string, cause?: unknown): KinsyncError {
  return new KinsyncError("KINSYNC_CLUSTER_ANSWER", message, { cause });
}
