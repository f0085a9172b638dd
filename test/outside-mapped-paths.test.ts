import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HostedSession } from "../packages/core/src/contract/session.ts";
import { hostTransport } from "../packages/core/src/plugins/host.ts";
import { ArchivePool } from "../packages/core/src/sync/archive/archive-pool.ts";
import type { TransportEnvironment } from "../packages/core/src/testing/index.ts";
import { makeLocalEnvironment as makeLocalTransport } from "../packages/core/test/testing/transport/support/local-environment.ts";
import { MAKES, MISSING } from "../packages/transport-exec/test/support/containers.ts";
import { makeLocalEnvironment as makeExec } from "../packages/transport-exec/test/support/environment.ts";
import { OutsidePlayer, RUN } from "./support/outside/player.ts";
import { aHistory, type History } from "./support/outside/steps.ts";

/** As in the histories of the engine: `npm run test:long` plays new ones. */
const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 25);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};
/** A history of busybox, which starts the most processes, takes up to a second. */
const LIMIT_MS = 120_000 + HISTORIES * 3_000;
/** A session remembers the roots that it claimed. */
const HISTORIES_PER_SESSION = 40;

const AGENTS = ["dash", "busybox", "python3", "node, without a shell"];
interface Subject {
  readonly name: string;
  readonly make: () => Promise<TransportEnvironment>;
  /** The transport refuses a mapped root that others replaced by a link after the claim. */
  readonly isHardened: boolean;
}

const SUBJECTS: readonly Subject[] = [
  { name: "the local transport of tests", make: () => makeLocalTransport(), isHardened: false },
  ...MAKES.filter(({ name }) => AGENTS.includes(name)).map((make) => ({
    name: `the agent of a container with ${make.name}`,
    make: () => makeExec(make),
    isHardened: true,
  })),
];

/** Opens a session when there is none, and another one from time to time. */
class Sessions implements AsyncDisposable {
  readonly #environment: TransportEnvironment;
  readonly #signal: AbortSignal;
  #open: { readonly session: HostedSession; ended: boolean } | undefined;

  constructor(environment: TransportEnvironment, signal: AbortSignal) {
    this.#environment = environment;
    this.#signal = signal;
  }

  async get(): Promise<HostedSession> {
    if (this.#open === undefined || this.#open.ended) {
      const { transport, target, cluster } = this.#environment;
      const session = await hostTransport(transport).open(target, {
        cluster,
        ...RUN,
        host: "host",
        signal: this.#signal,
      });
      const open = { session, ended: false };
      void session.ended.then(() => (open.ended = true));
      this.#open = open;
    }
    return this.#open.session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.session[Symbol.asyncDispose]();
    this.#open = undefined;
  }
}

// Side by side: most of the time is that of processes of a container. The names are those that `-t` selects by: `%s` does not shorten them.
describe.concurrent.each(SUBJECTS.map((subject) => [subject.name, subject] as const))(
  "%s",
  (_, { make, isHardened }) => {
    test(
      "changes nothing outside of the mapped path, whatever the config and the history",
      async ({ expect }) => {
        await using environment = await make();
        await using archives = new ArchivePool();
        const { signal } = new AbortController();
        await using sessions = new Sessions(environment, signal);
        let count = 0;
        const outcomes = new Map<string, number>();
        const play = async (history: History): Promise<void> => {
          // The local transport waits for nothing outside of this process: without a pause, the agents beside it were never heard.
          await nextTurn();
          const folder = join(environment.folder, `h${(count += 1)}`);
          if (count % HISTORIES_PER_SESSION === 0) await sessions[Symbol.asyncDispose]();
          mkdirSync(folder);
          const player = new OutsidePlayer(
            { folder, open: () => sessions.get(), archives, signal, isHardened },
            history,
          );
          await player.play(history.steps);
          for (const each of player.outcomes) outcomes.set(each, (outcomes.get(each) ?? 0) + 1);
          rmSync(folder, { recursive: true });
        };
        // Without a shorter example: it takes longer than it takes to read this one.
        await fc.assert(fc.asyncProperty(aHistory, play), { numRuns: HISTORIES, endOnFailure: true, ...SEED });
        const all = [...outcomes.values()].reduce((sum, each) => sum + each, 0);
        expect((outcomes.get("committed") ?? 0) / all).toBeGreaterThan(0.3);
      },
      LIMIT_MS,
    );
  },
);

test.skipIf(MISSING.length === 0)("every agent is on this machine", () => {
  expect(MISSING.filter((name) => AGENTS.includes(name))).toEqual([]);
});
