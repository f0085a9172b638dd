import assert from "node:assert/strict";
import { posix } from "node:path";
import type { Batch, RootSpec } from "../../contract/batch.ts";
import { capabilitiesOf, type TransportCapabilities } from "../../contract/capabilities.ts";
import type { Receipt, Session } from "../../contract/session.ts";
import { isKinsyncError, type KinsyncError } from "../../errors/error.ts";
import { createBatch, type BatchPath, type CreateBatchOptions } from "./create-batch.ts";
import type { PathStatus, TransportEnvironment } from "./environment.ts";

/** Who runs kinsync, and what the engine knows of the machine and of the mapping. */
export const OWNER = "ada@laptop";
export const HOST = "laptop";
const FROM = "/home/ada/app/src";

/** One environment, with a mapped root in it and every session that a requirement opened. */
export class Fixture implements AsyncDisposable {
  readonly environment: TransportEnvironment;
  readonly capabilities: TransportCapabilities;
  readonly root: RootSpec;
  readonly runId = "run-1";
  /** When every run of this fixture began. */
  readonly since = new Date().toISOString();
  /** For calls that end with the fixture at the latest. */
  readonly options: { readonly signal: AbortSignal };
  readonly #stop = new AbortController();
  readonly #sessions: Session[] = [];

  constructor(environment: TransportEnvironment) {
    this.environment = environment;
    this.capabilities = capabilitiesOf(environment.transport);
    this.root = { path: posix.join(environment.folder, "root"), shape: "directory", key: "mapping-0", from: FROM };
    this.options = { signal: this.#stop.signal };
  }

  /** The absolute path of what is at `path` below the mapped root. */
  at(path: string): string {
    return posix.join(this.root.path, path);
  }

  status(path: string): Promise<PathStatus | undefined> {
    return this.environment.lstat(this.at(path));
  }

  async read(path: string): Promise<string> {
    return Buffer.from(await this.environment.readFile(this.at(path))).toString("utf8");
  }

  /** The mode is compared only where the transport claims modes. */
  async expectFile(path: string, bytes: string, mode?: number): Promise<void> {
    const status = await this.status(path);
    assert.equal(status?.type, "file", `${path} is ${status?.type ?? "missing"}`);
    assert.equal(await this.read(path), bytes, `content of ${path}`);
    if (mode !== undefined && this.capabilities.modes) {
      assert.equal(status?.mode.toString(8), mode.toString(8), `mode of ${path}`);
    }
  }

  async expectMissing(path: string): Promise<void> {
    assert.equal((await this.status(path))?.type, undefined, `${path} exists`);
  }

  /** @param owner another name stands for another run */
  async open(
    owner = OWNER,
    target = this.environment.target,
    signal: AbortSignal = this.#stop.signal,
  ): Promise<Session> {
    const { transport, cluster, context } = this.environment;
    const session = await transport.open(target, {
      ...context,
      cluster,
      runId: owner === OWNER ? this.runId : `run of ${owner}`,
      owner,
      since: this.since,
      host: HOST,
      roots: [this.root],
      options: context?.options ?? {},
      signal,
    });
    this.#sessions.push(session);
    return session;
  }

  async claim(session: Session, root = this.root): Promise<void> {
    await session.claim(root, { snapshot: 0, tree: "", ...this.options });
  }

  async openAndClaim(owner = OWNER): Promise<Session> {
    const session = await this.open(owner);
    await this.claim(session);
    return session;
  }

  batch(paths: readonly BatchPath[], options: CreateBatchOptions = {}): Promise<Batch> {
    return createBatch(this.root, paths, options);
  }

  /** Stages and commits, and waits until the files are visible. */
  async deliver(session: Session, batch: Batch): Promise<Receipt> {
    const receipt = await session.commit(session.stage(batch, this.options), this.options);
    await this.untilVisible(receipt);
    return receipt;
  }

  async untilVisible(receipt: Receipt): Promise<void> {
    await receipt.seen;
    if (this.capabilities.acknowledges === "accepted") await this.environment.untilVisible?.();
  }

  async apply(session: Session, paths: readonly BatchPath[]): Promise<Receipt> {
    return this.deliver(session, await this.batch(paths));
  }

  /** Delivers one more file over this session. */
  async expectUsable(session: Session): Promise<void> {
    const bytes = `${performance.now()}`;
    const replaces = (await this.status("usable")) === undefined ? {} : { replaces: "file" as const };
    await this.apply(session, [{ file: "usable", bytes, ...replaces }]);
    await this.expectFile("usable", bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#sessions.map((session) => session[Symbol.asyncDispose]()));
    this.#stop.abort();
    await this.environment[Symbol.asyncDispose]();
  }
}

/** The error that a call rejects with, which must have this code. */
export async function expectError(code: string, call: Promise<unknown>): Promise<KinsyncError> {
  try {
    await call;
  } catch (error) {
    assert.ok(isKinsyncError(error), `expected ${code}, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`the call succeeded; expected ${code}`);
}
