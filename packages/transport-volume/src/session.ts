import { KinsyncError, isKinsyncError, targetKey } from "@kinsync/core/contract";
import type {
  Batch,
  Inventory,
  Receipt,
  RootSpec,
  Session,
  SessionEnd,
  SessionFacts,
  Stage,
} from "@kinsync/core/contract";
import { claimAt } from "./claim-path.ts";
import { nameOf } from "./read-pod.ts";
import { endOf, pathOfWriter, type Member, type Writer, type Writers } from "./writers.ts";

/** A stage of the writing session. */
class VolumeStage implements Stage {
  readonly ready: Promise<void>;
  readonly inner: Stage;
  readonly root: RootSpec;

  constructor(inner: Stage, root: RootSpec) {
    this.ready = inner.ready;
    this.inner = inner;
    this.root = root;
  }
}

/** What one member sees of the session that writes its claim. */
export class VolumeSession implements Session {
  readonly facts: SessionFacts;
  readonly ended: Promise<SessionEnd>;
  readonly #member: Member;
  readonly #claim: string;
  readonly #writer: Writer;
  readonly #leave: () => Promise<void>;
  readonly #end = Promise.withResolvers<SessionEnd>();
  #isOver = false;

  private constructor(member: Member, claim: string, writer: Writer, leave: () => Promise<void>) {
    const { agent, choice, incarnation } = writer.session.facts;
    const { containers, initContainers = [] } = member.pod.spec;
    const spec = [...containers, ...initContainers].find(({ name }) => name === member.target.container);
    this.#member = member;
    this.#claim = claim;
    this.#writer = writer;
    this.#leave = leave;
    this.facts = {
      agent: this.#isOwn ? agent : `${agent} in pod/${writer.target.pod}`,
      incarnation,
      ...(choice === undefined ? {} : { choice }),
      // Of the image it is not known: the writing container may be another one.
      ...(spec?.workingDir === undefined ? {} : { workingDirectory: spec.workingDir }),
    };
    this.ended = this.#end.promise;
    void writer.session.ended.then((end) => {
      this.#isOver = true;
      this.#end.resolve(endOf(end, this.#isOwn));
    });
  }

  /** Joins the session that writes the claim of the mapped roots. */
  static async open(writers: Writers, member: Member): Promise<VolumeSession> {
    const { context, target } = member;
    const claim = onlyClaim(member);
    const { key, writer } = writers.join(member, claim);
    const leave = (): Promise<void> => writers.leave(key, member, writer);
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(context.signal.reason);
    context.signal.addEventListener("abort", onAbort, { once: true });
    if (context.signal.aborted) onAbort();
    try {
      const opened = await Promise.race([writer, aborted.promise]);
      return new VolumeSession(member, claim, opened, leave);
    } catch (error) {
      void leave();
      throw isKinsyncError(error) ? asMembers(error, target, false) : error;
    } finally {
      context.signal.removeEventListener("abort", onAbort);
    }
  }

  inventory(...[root, options]: Parameters<Session["inventory"]>): Promise<Inventory> {
    return this.#through(() => this.#writer.session.inventory(this.#translate(root), options));
  }

  claim(...[root, options]: Parameters<Session["claim"]>): Promise<void> {
    return this.#through(() => {
      const translated = this.#translate(root);
      this.#writer.owners.set(translated.key, this);
      return this.#writer.session.claim(translated, options);
    });
  }

  stage(batch: Batch, options: { readonly signal: AbortSignal }): Stage {
    if (this.#isOver) throw this.#closed();
    const root = this.#translate(batch.root);
    return new VolumeStage(this.#writer.session.stage({ ...batch, root }, options), root);
  }

  commit(stage: Stage, options: { readonly signal: AbortSignal }): Promise<Receipt> {
    const { inner, root } = stage as VolumeStage;
    return this.#through(async () => {
      this.#checkOwner(root);
      return this.#writer.session.commit(inner, options);
    });
  }

  discard(stage: Stage): Promise<void> {
    return this.#through(() => this.#writer.session.discard((stage as VolumeStage).inner));
  }

  release(...[root, options]: Parameters<NonNullable<Session["release"]>>): Promise<void> {
    return this.#through(async () => {
      const translated = this.#translate(root);
      this.#checkOwner(translated);
      await this.#writer.session.release(translated, options);
      this.#writer.owners.delete(translated.key);
    });
  }

  ping(options: { readonly signal: AbortSignal }): Promise<number> {
    return this.#through(() => this.#writer.session.ping(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#end.resolve({ why: "closed" });
    }
    await this.#leave();
  }

  get #isOwn(): boolean {
    return this.#writer.target.podUid === this.#member.target.podUid;
  }

  async #through<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw this.#closed();
    try {
      return await call();
    } catch (error) {
      throw isKinsyncError(error) ? asMembers(error, this.#member.target, this.#isOwn) : error;
    }
  }

  /** The mapped root as the writing container has it. */
  #translate(root: RootSpec): RootSpec {
    const { pod, target } = this.#member;
    const found = claimAt(pod, target.container, root.path);
    if (found === undefined) throw notOnClaim(this.#member, root.path);
    if (found.claim !== this.#claim) throw severalClaims(this.#member, [this.#claim, found.claim]);
    return { ...root, path: pathOfWriter(this.#writer, found.path) };
  }

  /** The sessions of one run share an agent, which therefore cannot tell them apart. */
  #checkOwner({ key, path }: RootSpec): void {
    const owner = this.#writer.owners.get(key);
    if (owner === this) return;
    const { owner: who } = this.#member.context;
    throw new KinsyncError("KINSYNC_TARGET_TAKEN", `${nameOf(this.#member.target)}: ${path} was taken over by ${who}`);
  }

  #closed(): KinsyncError {
    return new KinsyncError("KINSYNC_TARGET_LOST", `${nameOf(this.#member.target)}: the session was closed`);
  }
}

/** The claim of all mapped roots; of the whole container where none is known. */
function onlyClaim(member: Member): string {
  const { context, pod, target } = member;
  const { roots = [] } = context;
  const known = roots.flatMap(({ path }) => claimAt(pod, target.container, path)?.claim ?? []);
  const mounts = pod.spec.containers.find(({ name }) => name === target.container)?.volumeMounts ?? [];
  const all =
    known.length > 0
      ? known
      : mounts.flatMap(({ mountPath }) => claimAt(pod, target.container, mountPath)?.claim ?? []);
  const [first, ...others] = new Set(all);
  if (first === undefined) throw notOnClaim(member, roots[0]?.path ?? "any of its folders");
  if (known.length > 0 && others.length > 0) throw severalClaims(member, [first, ...others]);
  return first;
}

function notOnClaim({ target }: Member, path: string): KinsyncError {
  return new KinsyncError("KINSYNC_TARGET_PATH", `${nameOf(target)}: no PersistentVolumeClaim is mounted at ${path}`, {
    hint: "The transport volume needs `to` to be at or below the mount of a claim. For other folders, use exec.",
    details: { code: "VOLUME_NOT_MOUNTED" },
  });
}

function severalClaims({ target }: Member, claims: readonly string[]): KinsyncError {
  const message = `${nameOf(target)}: mappings with the same options of the transport volume are on the claims ${claims.join(" and ")}`;
  return new KinsyncError("KINSYNC_TRANSPORT_CANNOT", message, {
    hint: "Give them different options: transport: [volume, { pod: NAME }], or use exec for one of them.",
    details: { code: "VOLUME_SEVERAL_CLAIMS", claims },
  });
}

/** The writing pod is gone, and not the member: it gets another writer. */
function asMembers(error: KinsyncError, target: Member["target"], isOwn: boolean): KinsyncError {
  if (error.retry !== "gone" || isOwn) return error;
  const message = `${nameOf(target)}: the pod that writes its claim is gone: ${error.message}`;
  return new KinsyncError("KINSYNC_TARGET_LOST", message, { cause: error, details: { target: targetKey(target) } });
}
