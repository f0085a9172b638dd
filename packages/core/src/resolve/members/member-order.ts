import type { Member } from "../resolution.ts";

type Sorted = Pick<Member, "role" | "index" | "name" | "uid">;

/** Role, then index with its numbers as numbers, then name; the UID makes it a total order. */
export function compareMembers(a: Sorted, b: Sorted): number {
  return (
    compareText(a.role ?? "", b.role ?? "") ||
    compareNumbered(a.index ?? "", b.index ?? "") ||
    compareNumbered(a.name, b.name) ||
    compareText(a.uid, b.uid)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `worker-2` before `worker-10`; texts that differ only in leading zeros are compared as text. */
function compareNumbered(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (isDigit(a, i) && isDigit(b, j)) {
      const endA = endOfNumber(a, i);
      const endB = endOfNumber(b, j);
      const order = compareDigits(a.slice(i, endA), b.slice(j, endB));
      if (order !== 0) return order;
      i = endA;
      j = endB;
    } else {
      const order = a.charCodeAt(i) - b.charCodeAt(j);
      if (order !== 0) return order;
      i += 1;
      j += 1;
    }
  }
  return a.length - i - (b.length - j) || compareText(a, b);
}

/** Of any length: a completion index fits a number, the digits of a name may not. */
function compareDigits(a: string, b: string): number {
  const x = a.startsWith("0") ? a.replace(/^0+/, "") : a;
  const y = b.startsWith("0") ? b.replace(/^0+/, "") : b;
  return x.length - y.length || compareText(x, y);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

function endOfNumber(text: string, from: number): number {
  let end = from;
  while (end < text.length && isDigit(text, end)) end += 1;
  return end;
}
