import type { MemberState } from "../../../src/contract/kind.ts";
import type { LocalFiles } from "./memory-source.ts";

/** What of a container may fail. */
export type FaultyOperation = "open" | "claim" | "inventory" | "stage" | "commit" | "run";

/** One step of a history. `pod` and `mapping` are indexes of `POD_NAMES` and `ALL_MAPPINGS`. */
export type Step =
  | { readonly do: "save"; readonly mappings: readonly number[]; readonly files: LocalFiles }
  | { readonly do: "lose"; readonly mapping: number; readonly state: "missing" | "empty" }
  | {
      readonly do: "label";
      readonly pod: number;
      readonly state: MemberState;
      readonly role?: "head" | "worker" | undefined;
      readonly index?: "0" | "1" | undefined;
    }
  | { readonly do: "start" | "stop" | "restart" | "remove" | "recreate"; readonly pod: number }
  | { readonly do: "own"; readonly pod: number; readonly teams: readonly ("train" | "eval")[] }
  | { readonly do: "recreate-team"; readonly team: "train" | "eval" }
  | {
      readonly do: "fail";
      readonly pod: number;
      readonly operation: FaultyOperation;
      readonly error: "lost" | "terminal";
    }
  | {
      readonly do: "disconnect" | "slow" | "slow-stage" | "slow-command" | "take-over" | "take-volume-over";
      readonly pod: number;
    }
  /** A command of `run` ends with this code in the container. */
  | { readonly do: "command"; readonly pod: number; readonly command: string; readonly exitCode: number }
  | { readonly do: "dismiss" }
  | { readonly do: "watches"; readonly how: "drop" | "end" | "compact" }
  | { readonly do: "trigger" }
  | { readonly do: "trigger-mapping"; readonly mapping: number }
  | { readonly do: "pause" | "resume"; readonly team: "train" | "eval" }
  /** Two saves, the second of which is undone. */
  | { readonly do: "undo"; readonly mapping: number; readonly files: LocalFiles };

/** A step, and virtual milliseconds until the next one. */
export interface TimedStep {
  readonly step: Step;
  readonly wait: number;
}
