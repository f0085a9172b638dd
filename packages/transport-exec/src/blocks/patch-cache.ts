import { createHash } from "node:crypto";
import type { Patch } from "./block-finder.ts";
import type { Signature } from "./signature.ts";

/** Patches of the last files. A patch of a large file has some thousand parts at most. */
const MAX_PATCHES = 16;

/** Patches by digest of the new file and signature of the old one: containers that hold the same file share a patch. */
export class PatchCache {
  readonly #patches = new Map<string, Promise<Patch | undefined>>();

  /** @param find is called where no patch is known or under way. Where the call of another caller failed, this one's decides. */
  async get(digest: string, signature: Signature, find: () => Promise<Patch | undefined>): Promise<Patch | undefined> {
    const { blockBytes, former, kept } = signature;
    const key = `${digest} ${blockBytes} ${createHash("sha256").update(`${former} ${kept}`).digest("hex")}`;
    const known = this.#patches.get(key);
    if (known !== undefined) {
      try {
        return await known;
      } catch {
        return this.get(digest, signature, find);
      }
    }
    const found = find();
    this.#patches.set(key, found);
    const [oldest] = this.#patches.keys();
    if (this.#patches.size > MAX_PATCHES && oldest !== undefined) this.#patches.delete(oldest);
    found.catch(() => {
      if (this.#patches.get(key) === found) this.#patches.delete(key);
    });
    return found;
  }
}
