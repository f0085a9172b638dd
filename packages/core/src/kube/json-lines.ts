import { KinsyncError } from "../errors/error.ts";

/** Bytes of one line. etcd takes no object near that size. */
const LONGEST = 32 * 1024 * 1024;

/**
 * The JSON values of a stream with one value a line, as watches send them; chunks end where they like. Rejects with
 * `KINSYNC_CLUSTER_ANSWER` for a line that is no JSON or has no end.
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
      if (length > LONGEST) throw badLine("a line of a watch is longer than 32 MiB");
    }
  }
  // A line without its end was cut off: what it would have said comes again with the next watch.
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    throw badLine("a line of a watch is no JSON", error);
  }
}

function badLine(message: string, cause?: unknown): KinsyncError {
  return new KinsyncError("KINSYNC_CLUSTER_ANSWER", message, { cause });
}
