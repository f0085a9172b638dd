// A process with a watchdog and a kind that behaves as the first argument says. Prints what happens.
import { execFileSync } from "node:child_process";
import { writeSync } from "node:fs";
import { defineKind, type KindDefinition } from "../../../src/contract/index.ts";
import { hostKind } from "../../../src/plugins/host.ts";
import { watchImport } from "../../../src/plugins/call-watch.ts";
import { startWatchdog } from "../../../src/plugins/watchdog.ts";

const LIMIT_MS = 500;
const ENDLESS_MODULE: string = "data:text/javascript,for(;;);";
const [behavior = ""] = process.argv.slice(2);

function spin(ms: number): void {
  for (const started = performance.now(); performance.now() - started < ms;);
}

function blockFor(ms: number): void {
  execFileSync("sleep", [String(ms / 1000)]);
}

const ROOT = { group: "example.com", version: "v1", kind: "Team", plural: "teams" };
const root = { apiVersion: "example.com/v1", kind: "Team", metadata: { name: "a", uid: "1" } };
const view = { root, owned: [], pods: [], missing: [], referred: [], rule: () => undefined };

const judge: Readonly<Record<string, () => void>> = {
  loop: () => spin(60_000),
  "caught-loop": () => {
    for (const started = performance.now(); performance.now() - started < 60_000;) {
      try {
        spin(60_000);
      } catch {
        // As a plugin may do.
      }
    }
  },
  block: () => blockFor(60_000),
  slow: () => spin(LIMIT_MS / 2),
};

const definition: KindDefinition = {
  name: "stuck",
  root: ROOT,
  watches: () => ({ watches: [] }),
  judge: () => {
    judge[behavior]?.();
    return { pod: () => ({ state: "current", reason: { code: "a", message: "b" } }) };
  },
};

process.on("SIGINT", () => process.exit(130));
process.on("exit", () => writeSync(1, "exit listener\n"));

const watchdog = startWatchdog({
  limitMs: LIMIT_MS,
  onBlocked: (error) => {
    process.stderr.write(`${error.code} ${error.message}\n`);
    return 2;
  },
});
const host = hostKind(defineKind(definition));
switch (behavior) {
  case "many":
    for (let call = 0; call < 8; call += 1) {
      host.judge(view);
      spin(LIMIT_MS / 4);
    }
    break;
  case "slow-import":
    await watchImport("stuck", () => new Promise((resolve) => setTimeout(resolve, 3 * LIMIT_MS)));
    break;
  case "loop-at-import":
    await watchImport("stuck", () => import(ENDLESS_MODULE));
    break;
  default:
    host.judge(view);
}
watchdog[Symbol.dispose]();
writeSync(1, "done\n");
