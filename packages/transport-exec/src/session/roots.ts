import { createHash } from "node:crypto";
import type { RootSpec } from "@kinsync/core/contract";
import { journalLines } from "../commit/manifest.ts";
import type { RootLocation } from "../protocol/agent-protocol.ts";
import { unescapePath } from "../protocol/escape.ts";

/** A mapped root that a session owns, and where it is. */
export interface OwnedRoot {
  readonly root: RootSpec;
  readonly location: RootLocation;
}

/** A claim that may be sent. */
interface SentClaim {
  /** ID of its request; 0 until it is sent. */
  readonly claim: number;
}

/** What a session stores about the mapped roots that it claimed, by their key. */
export class Roots {
  readonly #owned = new Map<string, OwnedRoot>();
  readonly #locations = new Map<string, Promise<RootLocation>>();
  /** The newest claim of each root whose claim is under way. */
  readonly #underWay = new Map<string, SentClaim>();
  /** Short forms of journals that grew long, for the next commit. */
  readonly #compacted = new Map<string, string>();
  /** Number of commits that were sent. */
  readonly #commits = new Map<string, number>();

  /** Roots that this session owns. */
  get owned(): Iterable<OwnedRoot> {
    return this.#owned.values();
  }

  get size(): number {
    return this.#owned.size;
  }

  isClaimed(key: string): boolean {
    return this.#locations.has(key);
  }

  /** The location of a root, also while its claim is under way; `undefined` if it was not claimed. */
  location(key: string): Promise<RootLocation> | undefined {
    return this.#locations.get(key);
  }

  /** ID of the claim of this root that was sent and is not answered yet; `undefined`: none. */
  claimUnderWay(key: string): number | undefined {
    const id = this.#underWay.get(key)?.claim;
    return id === 0 ? undefined : id;
  }

  /** Waits for a claim. A claim that failed leaves the earlier location. */
  async claim(key: string, claimed: Promise<RootLocation>, sent: SentClaim): Promise<void> {
    const before = this.#locations.get(key);
    this.#locations.set(key, claimed);
    this.#underWay.set(key, sent);
    try {
      await claimed;
    } catch (error) {
      if (this.#locations.get(key) === claimed) {
        if (before === undefined) this.#locations.delete(key);
        else this.#locations.set(key, before);
      }
      throw error;
    } finally {
      if (this.#underWay.get(key) === sent) this.#underWay.delete(key);
    }
  }

  /** The agent executed a claim, which counts even if its caller stopped waiting. */
  own(root: RootSpec, location: RootLocation): void {
    this.#owned.set(root.key, { root, location });
    this.#locations.set(root.key, Promise.resolve(location));
  }

  /** The root is no longer this session's. */
  disown(key: string): void {
    this.#owned.delete(key);
    this.#locations.delete(key);
    this.#compacted.delete(key);
  }

  commits(key: string): number {
    return this.#commits.get(key) ?? 0;
  }

  /** Notes that a commit is sent, which ends the validity of a compacted journal. */
  countCommit(key: string): void {
    this.#compacted.delete(key);
    this.#commits.set(key, this.commits(key) + 1);
  }

  compacted(key: string): string | undefined {
    return this.#compacted.get(key);
  }

  compact(key: string, placed: readonly string[]): void {
    this.#compacted.set(key, `\n${journalLines("+", placed)}`);
  }

  forgetCompacted(key: string): void {
    this.#compacted.delete(key);
  }
}

/** Takes one record of the answer to a claim. */
export function takeLocation(
  location: { root: string; state: string; mounts: string[]; kept: string[] },
  line: string,
): void {
  if (line.startsWith("r d ")) location.root = unescapePath(line.slice(4));
  else if (line.startsWith("k ")) location.state = unescapePath(line.slice(2));
  else if (line.startsWith("P ")) location.kept.push(unescapePath(line.slice(2)));
  else if (line.startsWith("M ")) location.mounts.push(unescapePath(line.slice(2)));
}

/** Hexadecimal digits that tell runs apart. */
const RUN_DIGITS = 16;

/** A run in names of files: its ID may hold anything. */
export function runName(runId: string): string {
  return createHash("sha256").update(runId).digest("hex").slice(0, RUN_DIGITS);
}
