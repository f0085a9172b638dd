/** What a library prints with `console.log` in a synchronous call. The library has no function that returns it. */
export function captured(run: () => void): string {
  const lines: string[] = [];
  const { log } = console;
  console.log = (...values: readonly unknown[]) => void lines.push(values.join(" "));
  try {
    run();
  } finally {
    console.log = log;
  }
  return lines.map((line) => `${line}\n`).join("");
}
