import type { PulledFile, PullEntry, PullRequest } from "../contract/pull.ts";
import type { HostedSession } from "../contract/session.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import { isState, refusalOf, refusalOfTarget } from "./entry-path.ts";
import type { LeftOutCode, PullCounts, PullEvent, PullMember } from "./events.ts";
import { InTheWay, notWritten, type LocalFolder } from "./local-folder.ts";
import { PullProgressMeter } from "./progress-meter.ts";
import { KnownFile } from "./known-file.ts";
import { destinationOf, type Destination } from "./destination.ts";
import { writeFile } from "./write-file.ts";

export interface PullPathOptions {
  readonly member: PullMember;
  /** In the container. */
  readonly path: string;
  /** Local folder; of a single file also its new name. Absolute. */
  readonly to: string;
  /** Replace local files that differ. */
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PullEvent) => void;
}

/** Errors of one name, such as one that this file system cannot store; others concern all files. */
const OF_ONE_NAME = new Set(["ENAMETOOLONG", "EINVAL", "EILSEQ", "EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST"]);
const INCOMPLETE = new Set<LeftOutCode>(["name", "exists", "changed", "unreadable"]);

interface Planned {
  /** Where it is written, relative to the local folder. */
  readonly local: string;
  readonly entry: PullEntry;
  readonly known: KnownFile | undefined;
}

/**
 * The pull of one path of one container, in one or several attempts. What arrived stays when one rejects; the next attempt, of this pull or
 * of a later one, goes on from there.
 */
export class Pull {
  readonly #options: PullPathOptions;
  readonly #planned = new Map<string, Planned>();
  readonly #counts = { written: 0, unchanged: 0, links: 0, leftOut: 0, bytes: 0, resumedBytes: 0 };
  /** Files that are over: written, the same here already, or left out. Another attempt does not request them again. */
  readonly #settled = new Set<string>();
  /** Files that this pull has begun to write. */
  readonly #begun = new Set<string>();
  readonly #leftOut = new Set<string>();
  #links: readonly PullEntry[] = [];
  #isComplete = true;
  #destination: Destination | undefined;
  #to: string;
  readonly #meter: PullProgressMeter;

  constructor(options: PullPathOptions) {
    this.#options = options;
    this.#to = options.to;
    this.#meter = new PullProgressMeter(options.member, options.onEvent);
  }

  /** The list of the container was read. */
  get hasStarted(): boolean {
    return this.#destination !== undefined;
  }

  /** Grows with each byte and each file. */
  get progress(): number {
    return this.#counts.bytes + this.#settled.size;
  }

  /** Receives what is not here yet. `finish` follows. */
  async attempt(session: Pick<HostedSession, "pull">): Promise<void> {
    this.#planned.clear();
    await session.pull(this.#options.path, {
      signal: this.#options.signal,
      choose: (entries) => this.#choose(entries),
      take: (file) => this.#takeOne(file),
    });
  }

  get #folder(): LocalFolder {
    if (this.#destination === undefined) throw new KinsyncError("KINSYNC_INTERNAL", "nothing was listed");
    return this.#destination.folder;
  }

  async *#choose(listed: readonly PullEntry[]): AsyncGenerator<PullRequest> {
    const { member, onEvent, path, to, overwrite, signal } = this.#options;
    const isFirst = this.#destination === undefined;
    this.#destination ??= await destinationOf(listed, path, to);
    this.#to = this.#destination.to;
    const entries = this.#accepted(listed);
    const files = entries.filter(({ type }) => type === "file");
    this.#links = entries.filter(({ type }) => type === "link");
    const total = totalOf(files);
    this.#meter.begin(files.length, total);
    const extent = total === undefined ? {} : { total };
    if (isFirst) onEvent({ type: "started", member, to: this.#to, files: files.length, ...extent });
    for (const entry of entries) {
      if (entry.type !== "directory") continue;
      // oxlint-disable-next-line no-await-in-loop -- a folder exists before what is in it
      await this.#try(entry.path, () => this.#folder.makeFolder(entry.path));
    }
    for (const entry of files) {
      signal.throwIfAborted();
      if (this.#settled.has(entry.path)) {
        this.#meter.done(entry.size);
        continue;
      }
      const local = this.#localOf(entry.path);
      const plan = async (): Promise<Planned> => {
        const known = await KnownFile.read(this.#folder, local, signal);
        if (known === undefined) await this.#folder.refuseOther(local);
        return { local, entry, known };
      };
      // oxlint-disable-next-line no-await-in-loop -- one after the other, ahead of the answers
      const planned = await this.#try(entry.path, plan);
      if (planned === undefined) {
        this.#settle(entry);
        continue;
      }
      this.#planned.set(entry.path, planned);
      const { known } = planned;
      const compareOnly = known?.isPart === false && !overwrite;
      yield {
        path: entry.path,
        ...(known === undefined ? {} : { have: { size: known.size, digest: known.digest } }),
        ...(compareOnly ? { compareOnly } : {}),
      };
    }
  }

  async #takeOne(file: PulledFile): Promise<void> {
    const { path } = file.request;
    const planned = this.#planned.get(path);
    if (planned === undefined) throw new KinsyncError("KINSYNC_INTERNAL", `${path} was not requested`);
    this.#planned.delete(path);
    await this.#try(path, () => this.#take(file, planned));
    this.#settle(planned.entry);
  }

  #settle({ path, size }: PullEntry): void {
    this.#settled.add(path);
    this.#meter.done(size);
  }

  async #take(file: PulledFile, { known, local, entry }: Planned): Promise<void> {
    const { path } = entry;
    if (file.size === undefined) {
      this.#leaveOut(path, "unreadable", "the container cannot read it, or it was deleted");
      return;
    }
    if (known?.isPart === false) {
      if (known.size === file.size && file.offset === file.size) {
        this.#counts.unchanged += 1;
        return;
      }
      if (file.request.compareOnly === true) {
        this.#leaveOut(path, "exists", "another file of this name exists here");
        return;
      }
    }
    const { signal, overwrite } = this.#options;
    if (known?.isPart === true && !this.#begun.has(path)) this.#counts.resumedBytes += file.offset;
    this.#begun.add(path);
    const isWritten = await writeFile({
      folder: this.#folder,
      local,
      file,
      known,
      executable: entry.executable === true,
      overwrite,
      signal,
      onBytes: (count, received) => {
        this.#counts.bytes += count;
        this.#meter.received(count, { path, received, size: file.size ?? 0 });
      },
    });
    if (isWritten) this.#counts.written += 1;
    else this.#leaveOut(path, "changed", "it changed while it was read");
  }

  /** Writes the links, which is last: no file is written through one. Reports the end. */
  async finish(): Promise<void> {
    const { member, onEvent } = this.#options;
    const made: [path: string, target: string][] = [];
    for (const { path, target = "" } of this.#links) {
      // oxlint-disable-next-line no-await-in-loop -- a link may be in the way of the next one
      await this.#try(path, async () => {
        const outside = (await this.#folder.leadsInside(path, target)) ? undefined : "its target is outside the folder";
        const refused = refusalOfTarget(path, target) ?? outside;
        if (refused !== undefined) this.#leaveOut(path, "link", refused);
        else if (await this.#folder.link(path, target)) made.push([path, target]);
        else this.#counts.links += 1;
      });
    }
    for (const [path, target] of made) {
      // Another link of this pull may have changed where it leads.
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      if (await this.#folder.leadsInside(path, target)) this.#counts.links += 1;
      else {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await this.#folder.unlink(path);
        this.#leaveOut(path, "link", "its target is outside the folder");
      }
    }
    this.#meter.flush();
    const counts: PullCounts = { ...this.#counts };
    onEvent({ type: "done", member, to: this.#to, isComplete: this.#isComplete, ...counts });
  }

  /** Each path once and sorted, so that a folder comes before what is in it. */
  #accepted(listed: readonly PullEntry[]): readonly PullEntry[] {
    const known = new Set<string>();
    const accepted: PullEntry[] = [];
    for (const entry of listed.toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)))) {
      const { path, type } = entry;
      if (known.has(path) || isState(path)) continue;
      known.add(path);
      // Of a single file there is one entry, and of a folder none is its own content.
      const isWanted = (path === "") === (this.#destination?.name !== undefined);
      if (!isWanted && type !== "unreadable") continue;
      const refused = refusalOf(this.#localOf(path));
      if (type === "unreadable") this.#leaveOut(path, "unreadable", "the container cannot read it");
      else if (refused !== undefined) this.#leaveOut(path, "name", refused);
      // The transport replaces what is not UTF-8.
      else if (type === "other" && path.includes("\uFFFD")) this.#leaveOut(path, "name", "its name is not UTF-8");
      else if (type === "other")
        this.#leaveOut(path, "type", "it is a device, a pipe or a socket, or a link whose target is not UTF-8");
      else accepted.push(entry);
    }
    return accepted;
  }

  #localOf(path: string): string {
    return path === "" ? (this.#destination?.name ?? "") : path;
  }

  /** Runs something that concerns one path. What only this path cannot have is reported; the others go on. */
  async #try<T>(path: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof InTheWay) this.#leaveOut(path, "exists", `${error.message} is in its place here`);
      else if (isKinsyncError(error)) throw error;
      else {
        const { code, syscall } = error as NodeJS.ErrnoException;
        if (code === undefined || syscall === undefined) throw error;
        if (!OF_ONE_NAME.has(code)) throw notWritten(path === "" ? this.#to : `${this.#to}, ${path}`, error);
        this.#leaveOut(path, "name", "this machine cannot store its name or place");
      }
      return undefined;
    }
  }

  #leaveOut(path: string, code: LeftOutCode, reason: string): void {
    // Another attempt lists it again.
    if (this.#leftOut.has(path)) return;
    this.#leftOut.add(path);
    this.#counts.leftOut += 1;
    if (INCOMPLETE.has(code)) this.#isComplete = false;
    this.#options.onEvent({ type: "left-out", member: this.#options.member, path, code, reason });
  }
}

/** Bytes of all files; `undefined` where the container did not report each size. */
function totalOf(files: readonly PullEntry[]): number | undefined {
  let total = 0;
  for (const { size } of files) {
    if (size === undefined || !Number.isSafeInteger(size) || size < 0) return undefined;
    total += size;
  }
  return total;
}
