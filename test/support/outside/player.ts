import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostedSession, RootSpec } from "../../../packages/core/src/contract/transport.ts";
import { isKinsyncError } from "../../../packages/core/src/errors/error.ts";
import { memoryContent } from "../../../packages/core/src/mapping/memory-content.ts";
import { createTree, type TreeEntry } from "../../../packages/core/src/mapping/tree.ts";
import type { ArchivePool } from "../../../packages/core/src/sync/archive/archive-pool.ts";
import type { Ledger } from "../../../packages/core/src/sync/plan/ledger.ts";
import type { DesiredRoot } from "../../../packages/core/src/sync/target/desired-state.ts";
import { TargetNotes } from "../../../packages/core/src/sync/target/notes.ts";
import { prepareRoot } from "../../../packages/core/src/sync/target/prepare-root.ts";
import { ShortMap } from "../../../packages/core/src/sync/target/short-map.ts";
import { ALL_CAPABILITIES } from "../../../packages/core/test/support/capabilities.ts";
import { mapping } from "../../../packages/core/test/support/mapping.ts";
import { describeFolder, put } from "./folder.ts";
import type { Config, History, Put, Step } from "./steps.ts";

const KEY = "k";
const MAPPED = "app/src";
/** The run that claims. */
export const RUN = { runId: "me", owner: "me", since: "2026-01-01T00:00:00.000Z" };
/** The single file that a mapping of one file maps. */
const FILE_NAME = "a";

/** What a history is played on. */
export interface Stage {
  /** Folder of this history, on this machine and in the container. */
  readonly folder: string;
  readonly open: () => Promise<HostedSession>;
  readonly archives: ArchivePool;
  readonly signal: AbortSignal;
  /** The transport refuses a mapped root that another folder replaced by a link after the claim. */
  readonly isHardened: boolean;
}

/** Plays a history and compares, after each step, all that lies outside of the mapped path. */
export class OutsidePlayer {
  readonly #stage: Stage;
  readonly #shape: History["shape"];
  /** Deliveries that were committed, and codes of those that were refused. */
  readonly outcomes: string[] = [];
  #config: Config = {
    mirror: false,
    allowed: false,
    inPlace: false,
    modes: "portable",
    initial: "verify",
    from: "here",
  };
  #local: readonly Put[] = [];
  #before: Map<string, string> = new Map();
  #ledgers = new ShortMap<string, Ledger>();
  readonly #claimed = Object.assign(new Set<string>(), { borrowed: new Set<string>() });
  #snapshot = 0;
  /** Where the mapped folder lies, relative to the folder of this history. */
  #mapped: string = MAPPED;

  constructor(stage: Stage, { shape, start }: History) {
    this.#stage = stage;
    this.#shape = shape;
    this.#build();
    for (const each of start) this.#others(each);
    this.#before = this.#describe();
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#step(step);
      this.#compare(step);
    }
    await this.#deliver(undefined);
    this.#compare({ do: "deliver" });
  }

  get #out(): string {
    return join(this.#stage.folder, "out");
  }

  get #root(): string {
    return join(this.#stage.folder, MAPPED);
  }

  /** Folders and files of others around the mapped root, named as what is inside of it. */
  #build(): void {
    const { folder } = this.#stage;
    for (const path of ["app/src", "app/src.old", "app/b", "out/b", "out/src/b", "out/empty"]) {
      mkdirSync(join(folder, path), { recursive: true });
    }
    const files = ["a", "app/a", "app/b/a", "app/src.old/a", "out/a", "out/b/a", "out/src/a", "out/src/b/a"];
    for (const path of files) writeFileSync(join(folder, path), `of others: ${path}`);
    symlinkSync("../out", join(folder, "app/c"));
    if (this.#shape === "file") {
      mkdirSync(join(this.#root, "c"));
      for (const path of ["b", "c/a"]) writeFileSync(join(this.#root, path), "beside the mapped file");
    }
  }

  #others({ path, content }: Put): void {
    const replaced = (text: string): string => text.replace(/^OUT/, this.#out);
    // Beside a mapped single file nothing of others changes during a history.
    const at = this.#shape === "file" ? FILE_NAME : path;
    if (content.type === "link") put(this.#root, at, { type: "link", target: replaced(content.target) });
    else if (content.type === "hard link") put(this.#root, at, { type: "hard link", to: replaced(content.to) });
    else put(this.#root, at, content);
  }

  #describe(): Map<string, string> {
    const mapped = this.#mapped;
    const isFile = this.#shape === "file";
    return describeFolder(this.#stage.folder, {
      isInside: (path) => (isFile ? path === `${mapped}/${FILE_NAME}` : path.startsWith(`${mapped}/`)),
      changing: new Set(["", "app", dirname(mapped), mapped]),
    });
  }

  #compare(step: Step): void {
    const after = this.#describe();
    const differences: string[] = [];
    for (const path of new Set([...this.#before.keys(), ...after.keys()])) {
      const [was, is] = [this.#before.get(path), after.get(path)];
      if (was !== is) differences.push(`${JSON.stringify(path)}: was ${was ?? "missing"}, is ${is ?? "missing"}`);
    }
    if (differences.length === 0) return;
    throw new Error(`${step.do} changed what is outside of the mapped path:\n${differences.join("\n")}`);
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case "save":
        this.#local = step.tree;
        await this.#deliver(step.meanwhile);
        return;
      case "deliver":
        await this.#deliver(undefined);
        return;
      case "others":
        this.#others(step.put);
        this.#before = this.#describe();
        return;
      case "configure":
        this.#config = step.config;
        this.#ledgers = new ShortMap();
        return;
      case "reconnect":
        this.#ledgers = new ShortMap();
        return;
      case "forge":
        this.#forge(step.paths);
        this.#ledgers = new ShortMap();
        return;
      case "redirect":
        await this.#redirect(step.folder);
    }
  }

  #forge(paths: readonly string[]): void {
    for (const holder of ["app", "app/src"]) {
      const state = join(this.#stage.folder, holder, ".kinsync", KEY);
      if (!existsSync(join(state, "manifest"))) continue;
      const lines = paths.map((path) => `\n+${path.replace(/^OUT/, this.#out).replaceAll("\n", "\\n")}\\.\n`);
      appendFileSync(join(state, "manifest"), lines.join(""));
    }
  }

  /** What the session claimed is another folder now: nothing may be written through the link. */
  async #redirect(folder: "app" | "app/src"): Promise<void> {
    if (this.#ledgers.get(KEY) === undefined || !this.#stage.isHardened) return;
    const at = join(this.#stage.folder, folder);
    renameSync(at, `${at}.moved`);
    symlinkSync(folder === "app" ? "out" : "../out", at);
    this.#mapped = folder === "app" ? "app.moved/src" : "app/src.moved";
    this.#before = this.#describe();
    this.#local = [{ path: "a", content: { type: "file", text: `sent at ${this.#snapshot}`, mode: 0o644 } }];
    await this.#deliver(undefined);
    this.#compare({ do: "redirect", folder });
    rmSync(at);
    renameSync(`${at}.moved`, at);
    this.#mapped = MAPPED;
    this.#before = this.#describe();
  }

  #desired(): DesiredRoot {
    const { mirror, inPlace, modes, initial, from } = this.#config;
    const isFile = this.#shape === "file";
    const bytes: Buffer[] = [];
    const entries = new Map<string, TreeEntry>();
    for (const { path, content } of isFile ? this.#local.slice(0, 1) : this.#local) {
      const at = isFile ? FILE_NAME : path;
      const parts = at.split("/");
      const parents = parts.slice(1).map((_, depth) => parts.slice(0, depth + 1).join("/"));
      if (entries.has(at) || parents.some((parent) => (entries.get(parent)?.type ?? "directory") !== "directory")) {
        continue;
      }
      for (const parent of parents) entries.set(parent, { type: "directory", path: parent, mode: 0o755 });
      if (content.type === "file") {
        const data = Buffer.from(content.text);
        bytes.push(data);
        const digest = createHash("sha256").update(data).digest("hex");
        entries.set(at, { type: "file", path: at, mode: content.mode, size: data.length, digest });
      } else if (content.type === "link" && !isFile) {
        entries.set(at, { type: "link", path: at, target: content.target.replace(/^OUT/, this.#out) });
      } else if (!isFile) entries.set(at, { type: "directory", path: at, mode: 0o755 });
    }
    const id = KEY;
    const spec: RootSpec = {
      path: this.#root,
      shape: this.#shape,
      key: KEY,
      from: `/local/${from}`,
      inPlace,
      ...(isFile ? { fileName: FILE_NAME } : {}),
    };
    return {
      mapping: mapping(id, { to: this.#root, mirror, inPlace, modes, initial, from: `/local/${from}` }),
      spec,
      tree: createTree(this.#shape, entries.values()),
      content: memoryContent(bytes),
      settledAt: 0,
      isExcluded: () => false,
    };
  }

  async #deliver(meanwhile: Put | undefined): Promise<void> {
    const { open, archives, signal } = this.#stage;
    this.#snapshot += 1;
    const session = await open();
    try {
      await using prepared = await prepareRoot({
        channel: { key: KEY, session, ledgers: this.#ledgers },
        root: this.#desired(),
        snapshot: this.#snapshot,
        worker: {
          name: "pod/web-0, container main",
          claimant: { runId: RUN.runId, since: RUN.since, force: true, host: "host" },
          claimed: this.#claimed,
          archives,
          mayDelete: () => this.#config.allowed,
          presumedBytes: 0,
        },
        capabilities: ALL_CAPABILITIES,
        notes: new TargetNotes({ onNote: () => {}, onReceiptNote: () => {} }, () => {}),
        onTakeOver: () => {},
        onOwed: () => [],
        onPlanned: () => [],
        owedAfter: () => [],
        onProgress: () => {},
        signal,
      });
      prepared.staged.catch(() => {});
      if (meanwhile !== undefined) {
        await prepared.staged;
        this.#others(meanwhile);
        this.#before = this.#describe();
      }
      await prepared.apply();
      this.outcomes.push("committed");
    } catch (error) {
      if (!isKinsyncError(error) || error.code === "KINSYNC_INTERNAL") throw error;
      this.outcomes.push(error.code);
      this.#ledgers = new ShortMap();
    }
  }
}
