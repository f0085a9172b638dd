/** A part of a Tiltfile that can be read without running it. */
export type Literal =
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "list"; readonly items: readonly Expression[] }
  | { readonly type: "call"; readonly call: Call };

/** A literal, or what only Tilt could tell: a variable, a condition, a comprehension. */
export type Expression = (Literal | { readonly type: "unknown"; readonly text: string }) & { readonly line: number };

/** A call with its arguments. */
export interface Call {
  readonly name: string;
  readonly positional: readonly Expression[];
  readonly named: ReadonlyMap<string, Expression>;
  /** From 1. */
  readonly line: number;
}

interface Token {
  readonly type: "string" | "name" | "mark";
  readonly text: string;
  readonly line: number;
}

const TOKENS =
  /(?<space>\s+|#[^\n]*|\\\r?\n)|(?<string>[rbRB]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))|(?<name>[\w.]+)|(?<mark>[\s\S])/gy;

const OPENING = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

/**
 * Finds the calls of these functions in a Tiltfile and reads their arguments, as far as they are literals or names that the file sets once
 * to one. Runs nothing.
 */
export function findCalls(text: string, names: ReadonlySet<string>): readonly Call[] {
  const reader = new Reader(tokensOf(text));
  return reader.calls(names);
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const match of text.matchAll(TOKENS)) {
    const { space, string, name } = match.groups ?? {};
    const [whole] = match;
    if (space === undefined) {
      if (string === undefined) tokens.push({ type: name === undefined ? "mark" : "name", text: whole, line });
      else tokens.push({ type: "string", text: valueOf(string), line });
    }
    line += whole.split("\n").length - 1;
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\n": "" };

function valueOf(source: string): string {
  const [, prefix = "", quoted = ""] = /^([rbRB]*)([\s\S]*)$/.exec(source) ?? [];
  const quotes = /^("""|''')/.test(quoted) ? 3 : 1;
  const inner = quoted.slice(quotes, -quotes);
  if (/r/i.test(prefix)) return inner;
  return inner.replaceAll(/\\([\s\S])/g, (_all, each: string) => ESCAPES[each] ?? each);
}

class Reader {
  readonly #tokens: readonly Token[];
  /** Values of names that are set once. */
  readonly #values = new Map<string, Expression | undefined>();
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  calls(names: ReadonlySet<string>): readonly Call[] {
    const found: Call[] = [];
    while (this.#at < this.#tokens.length) {
      const token = this.#peek();
      const next = this.#peek(1);
      if (token?.type === "name" && next?.text === "=" && next.type === "mark" && this.#peek(2)?.text !== "=") {
        const start = this.#at;
        this.#at += 2;
        const value = this.#expression(new Set());
        // A second value makes it unknown which one counts.
        this.#values.set(token.text, this.#values.has(token.text) ? undefined : value);
        // Calls within the value are looked for, too.
        this.#at = start + 2;
      } else if (token?.type === "name" && names.has(token.text) && next?.type === "mark" && next.text === "(") {
        found.push(this.#call(token));
      } else {
        this.#at += 1;
      }
    }
    return found;
  }

  #peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  #isMark(text: string): boolean {
    const token = this.#peek();
    return token?.type === "mark" && token.text === text;
  }

  /** At the name of a call; leaves the reader behind its closing parenthesis. */
  #call({ text: name, line }: Token): Call {
    this.#at += 2;
    const positional: Expression[] = [];
    const named = new Map<string, Expression>();
    while (this.#at < this.#tokens.length && !this.#isMark(")")) {
      const token = this.#peek();
      const next = this.#peek(1);
      if (token?.type === "name" && next?.type === "mark" && next.text === "=" && this.#peek(2)?.text !== "=") {
        this.#at += 2;
        named.set(token.text, this.#expression(new Set([",", ")"])));
      } else {
        positional.push(this.#expression(new Set([",", ")"])));
      }
      if (this.#isMark(",")) this.#at += 1;
    }
    this.#at += 1;
    return { name, positional, named, line };
  }

  /** Reads up to a mark of `ends`; without any, to the end of the line. What follows a value and is no `+` makes it unknown. */
  #expression(ends: ReadonlySet<string>): Expression {
    const start = this.#at;
    const line = this.#peek()?.line ?? 0;
    let value = this.#value();
    while (this.#isMark("+")) {
      this.#at += 1;
      value = sumOf(value, this.#value());
    }
    if (ends.size === 0) {
      // What follows on the line, such as a condition or a method, decides with it.
      const isWhole = this.#peek()?.line !== this.#peek(-1)?.line;
      return isWhole ? value : { type: "unknown", text: "an expression", line };
    }
    let isWhole = true;
    while (this.#at < this.#tokens.length && !(this.#peek()?.type === "mark" && ends.has(this.#peek()?.text ?? ""))) {
      isWhole = false;
      this.#skip();
    }
    if (isWhole && value.type !== "unknown") return value;
    const text = this.#tokens
      .slice(start, this.#at)
      .map((token) => (token.type === "string" ? JSON.stringify(token.text) : token.text));
    return { type: "unknown", text: text.join("").slice(0, 80), line };
  }

  #value(): Expression {
    const token = this.#peek();
    const line = token?.line ?? 0;
    if (token === undefined) return { type: "unknown", text: "", line };
    if (token.type === "string") {
      let value = "";
      // Strings side by side are one.
      while (this.#peek()?.type === "string") {
        value += this.#peek()?.text ?? "";
        this.#at += 1;
      }
      return { type: "string", value, line };
    }
    if (token.type === "name") {
      const next = this.#peek(1);
      if (next?.type === "mark" && next.text === "(") return { type: "call", call: this.#call(token), line };
      this.#at += 1;
      const known = this.#values.get(token.text);
      return known === undefined ? { type: "unknown", text: token.text, line } : { ...known, line };
    }
    if (token.text === "[" || token.text === "(") {
      const close = OPENING.get(token.text) ?? "";
      this.#at += 1;
      const items: Expression[] = [];
      while (this.#at < this.#tokens.length && !this.#isMark(close)) {
        items.push(this.#expression(new Set([",", close])));
        if (this.#isMark(",")) this.#at += 1;
      }
      this.#at += 1;
      const [only] = items;
      return token.text === "(" && only !== undefined && items.length === 1 ? only : { type: "list", items, line };
    }
    this.#skip();
    return { type: "unknown", text: token.text, line };
  }

  /** Passes one token, or a bracket with its content. */
  #skip(): void {
    const token = this.#peek();
    const close = token?.type === "mark" ? OPENING.get(token.text) : undefined;
    this.#at += 1;
    if (close === undefined) return;
    while (this.#at < this.#tokens.length && !this.#isMark(close)) this.#skip();
    this.#at += 1;
  }
}

function sumOf(a: Expression, b: Expression): Expression {
  if (a.type === "string" && b.type === "string") return { type: "string", value: a.value + b.value, line: a.line };
  if (a.type === "list" && b.type === "list") return { type: "list", items: [...a.items, ...b.items], line: a.line };
  return { type: "unknown", text: "a sum", line: a.line };
}
