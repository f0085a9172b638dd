/** Orders that a running engine takes. Before `run` and after its end they do nothing. */
export interface EngineCommands {
  /** Scans all local files again; settles when their state is known. */
  rescan(): Promise<void>;
  /** Tries at once whatever failed or waits for its next attempt. */
  trigger(): void;
}

/** What an engine has to offer for its commands. */
export interface Commandable {
  rescan(): Promise<void>;
  retryNow(): void;
}

/** The commands over whatever runs now. */
export function engineCommands(running: () => readonly Commandable[]): EngineCommands {
  return {
    async rescan() {
      await Promise.all(running().map((each) => each.rescan()));
    },
    trigger() {
      for (const each of running()) each.retryNow();
    },
  };
}
