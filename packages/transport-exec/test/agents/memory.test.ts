import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MAKES } from "../support/containers.ts";
import { startBareAgent } from "../support/bare-agent.ts";

const SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENTS = 48;
const TAR_BLOCK_BYTES = 512;
/** Peak of the resident memory in MiB, with what the interpreter takes without any work. */
const LIMITS_MIB = { node: 72, python3: 40 } as const;

function peakMiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

test
  .runIf(existsSync("/proc/self/status"))
  .each(MAKES.flatMap((make) => (make.runtime === "sh" ? [] : [{ make, limit: LIMITS_MIB[make.runtime] }])))(
  "a large file takes at most $limit MiB in a container with $make.name",
  async ({ make, limit }) => {
    const base = mkdtempSync(join(tmpdir(), "kinsync-exec-"));
    const folder = join(base, "app");
    try {
      mkdirSync(join(folder, "root"), { recursive: true });
      await using agent = startBareAgent(make, folder, make.path(base));
      await agent.line();
      const claim = ["root", "directory", "k", "0", '{"claim":"c"}', "run"].join("\0");
      agent.write(`claim 1 ${claim.length}\n${claim}`);
      expect((await agent.answer()).at(-1)).toBe(". 1");
      const segment = Buffer.alloc(SEGMENT_BYTES, "a");
      const digest = createHash("sha256");
      for (let index = 0; index < SEGMENTS; index += 1) digest.update(segment);
      const member = ["f", "large", "644", String(SEGMENTS * SEGMENT_BYTES), digest.digest("hex")];
      const stage = ["1", "stage-a", ...member].join("\0");
      const header = Buffer.alloc(TAR_BLOCK_BYTES);
      header.write("0", 156);
      agent.write(`stage 2 ${stage.length}\n${stage}d ${TAR_BLOCK_BYTES} 1\n`);
      agent.write(header);
      for (let index = 0; index < SEGMENTS; index += 1) {
        agent.write(`d ${SEGMENT_BYTES} 1\n`);
        agent.write(segment);
      }
      agent.write("e\n");
      expect((await agent.answer()).at(-1)).toBe(". 2");
      expect(peakMiB(agent.pid)).toBeLessThan(limit);
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  },
);
