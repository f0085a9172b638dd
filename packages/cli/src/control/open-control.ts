import type { Engine, EngineEvent } from "@kinsync/core";
import type { Io } from "../io.ts";
import type { ControlServer } from "./server.ts";

/** The socket of a run, which opens in the background. */
export interface Control {
  observe(event: EngineEvent): void;
  close(): Promise<void>;
}

export interface OpenControlOptions {
  readonly engine: Engine;
  readonly io: Io;
  readonly context: string;
  /** Says why the run cannot be asked: it goes on without. */
  readonly onNote: (text: string) => void;
}

/** Lets other programs of this user ask the run: `kinsync status`, `kinsync wait`. */
export function openControl({ engine, io, context, onNote }: OpenControlOptions): Control {
  let server: ControlServer | undefined;
  const opening = import("./server.ts")
    .then(async ({ ControlServer: Server }) => {
      server = await Server.start({ engine, env: io.env, folder: io.cwd, context });
    })
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      onNote(`commands such as \`kinsync status\` cannot reach this run: ${why}`);
    });
  return {
    observe: (event) => server?.observe(event),
    close: async () => {
      await opening;
      await server?.[Symbol.asyncDispose]();
    },
  };
}
