/**
 * Lines of at most `width` characters, further ones indented. A word that is longer stays whole, for copying. Without a library, which an
 * error or the first line of a run should not wait for: wide characters count as one column here.
 */
export function breakAtBlanks(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<=\S) (?=\S)/)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || longer.length <= width) line = longer;
    else {
      lines.push(line);
      line = `    ${word}`;
    }
  }
  return [...lines, line];
}
