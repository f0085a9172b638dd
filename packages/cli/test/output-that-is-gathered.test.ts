import { expect, test, vi } from "vitest";
import { gatherOutput } from "../src/gathered-output.ts";

function recorded(): { readonly written: string[]; readonly output: ReturnType<typeof gatherOutput> } {
  const written: string[] = [];
  return { written, output: gatherOutput({ write: (text) => written.push(text) }) };
}

test("lines of one moment leave together and in their order, soon and without anybody asking", () => {
  vi.useFakeTimers();
  try {
    const { written, output } = recorded();
    for (const line of ["one\n", "two\n", "three\n"]) output.write(line);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(written).toEqual(["one\ntwo\nthree\n"]);
    output.write("four\n");
    vi.advanceTimersByTime(20);
    expect(written).toEqual(["one\ntwo\nthree\n", "four\n"]);
  } finally {
    vi.useRealTimers();
  }
});

test("a flush hands on what is kept, once", () => {
  const { written, output } = recorded();
  output.write("last\n");
  output.flush();
  output.flush();
  expect(written).toEqual(["last\n"]);
});
