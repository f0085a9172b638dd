import assert from "node:assert/strict";
import { Script } from "node:vm";
import { restoreGlobals } from "./purity.ts";

const HOOK = "kinsync.kit.call";

/** Only code that a script started can be interrupted in the middle of an endless loop. */
const SCRIPT = new Script(`globalThis[Symbol.for(${JSON.stringify(HOOK)})]()`);

/** Runs checks of one kind, each with a time limit. After a check that did not end, the others fail at once. */
export class TimeLimit {
  readonly #limitMs: number;
  #late: string | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @throws AssertionError where the check does not end in time, or an earlier one did not */
  run(name: string, check: () => void): void {
    if (this.#late !== undefined) assert.fail(`not checked: the kind did not return in "${this.#late}"`);
    Reflect.set(globalThis, Symbol.for(HOOK), check);
    try {
      SCRIPT.runInThisContext({ timeout: this.#limitMs });
    } catch (error) {
      if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") {
        throw error;
      }
      // No `finally` ran.
      restoreGlobals();
      this.#late = name;
      assert.fail(`the kind did not return within ${this.#limitMs / 1000} s: does it loop?`);
    } finally {
      Reflect.deleteProperty(globalThis, Symbol.for(HOOK));
    }
  }
}
