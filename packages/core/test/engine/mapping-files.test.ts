import { hash } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { checkedSources, MappingFiles } from "../../src/engine/mapping-files.ts";
import type { Source, SourceOptions, SourceSpec, SourceState } from "../../src/local/source.ts";
import { memoryContent } from "../../src/mapping/memory-content.ts";
import { createTree } from "../../src/mapping/tree.ts";
import { mapping } from "../support/mapping.ts";

/** The source of the docstring of `Source`, with a way to emit other states. */
class OneFile implements Source {
  readonly isSettling = false;
  readonly #options: SourceOptions;
  readonly spec: SourceSpec;
  current: SourceState;

  constructor(spec: SourceSpec, options: SourceOptions, text: string) {
    this.spec = spec;
    this.#options = options;
    this.current = this.#stateOf(text);
    queueMicrotask(() => this.emit(this.current));
  }

  get ready() {
    return Promise.resolve(this.current);
  }

  replace(text: string): void {
    this.emit(this.#stateOf(text));
  }

  async rescan() {
    return this.current;
  }

  #stateOf(text: string): SourceState {
    const bytes = Buffer.from(text);
    const digest = hash("sha256", bytes);
    const entry = { type: "file", path: this.spec.fileName, mode: 0o644, size: bytes.length, digest } as const;
    const tree = createTree("file", [entry]);
    return { state: "present", tree, content: memoryContent([bytes]), problems: [], isIgnored: () => false };
  }

  emit(state: SourceState): void {
    if (this.#options.signal.aborted) return;
    this.current = state;
    this.#options.onState(state);
    this.#options.onIdle?.();
  }

  async [Symbol.asyncDispose]() {}
}

const open: MappingFiles[] = [];
afterEach(async () => {
  for (const files of open.splice(0)) await files[Symbol.asyncDispose]();
});

async function withSource(text: string): Promise<{ files: MappingFiles; source: OneFile }> {
  const sources: OneFile[] = [];
  const files = new MappingFiles({
    mapping: mapping("app.yaml", { to: "/etc/app.yaml" }),
    createSource: checkedSources((spec, options) => {
      const source = new OneFile(spec, options, text);
      sources.push(source);
      return source;
    }),
    allowEmpty: false,
    onChange: () => {},
    onProblem: () => {},
    onNote: () => {},
    signal: AbortSignal.timeout(60_000),
  });
  open.push(files);
  const [source] = sources;
  if (source === undefined) throw new Error("no source was made");
  await Promise.resolve();
  return { files, source };
}

test("a source of a library user becomes the desired files, also after a change", async () => {
  const { files, source } = await withSource("v: 1");
  expect([...(files.current?.tree?.entries.keys() ?? [])]).toEqual(["app.yaml"]);
  expect(files.current?.tree?.bytes).toBe(4);
  source.replace("v: 100");
  expect(files.current?.tree?.bytes).toBe(6);
});

test("a single file that its source reports as missing is deleted at once: the source waited for editors", async () => {
  const { files, source } = await withSource("v: 1");
  source.emit({ state: "missing" });
  expect(files.current).toMatchObject({ halted: undefined, tree: { shape: "file", files: 0 } });
  source.replace("v: 2");
  expect(files.current).toMatchObject({ halted: undefined, tree: { files: 1 } });
});

test("a folder that is missing halts the mapping and keeps its tree", async () => {
  const { files, source } = await withSource("v: 1");
  const tree = createTree("directory", [{ type: "directory", path: "d", mode: 0o755 }]);
  source.emit({ state: "present", tree, content: memoryContent([]), problems: [], isIgnored: () => false });
  source.emit({ state: "missing" });
  expect(files.current).toMatchObject({ halted: expect.stringContaining("does not exist") as string, tree });
});
