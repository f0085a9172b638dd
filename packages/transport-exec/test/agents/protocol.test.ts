import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startBareAgent } from "../support/bare-agent.ts";
import { MAKES } from "../support/containers.ts";

const page = readFileSync(new URL("../../../../docs/reference/agent-protocol.md", import.meta.url), "utf8");

/** The example of the page for an agent, as lines. */
function example(language: string): readonly string[] {
  const block = new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, "s").exec(page);
  return block?.[1]?.split("\n") ?? [];
}

function patternOf(line: string, folder: string): RegExp {
  const text = line.replaceAll("/work", folder).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${text.replaceAll("…", ".*")} *$`);
}

describe.each(MAKES)("the agent of a container with $name", (make) => {
  test("answers the example of the page", async () => {
    const base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-agent-")));
    const folder = join(base, "work");
    mkdirSync(join(folder, "root"), { recursive: true });
    writeFileSync(join(folder, "root/f"), "old\n", { mode: 0o644 });
    writeFileSync(join(folder, "root/gone"), "gone\n");
    await using agent = startBareAgent(make, folder, make.path(base));
    const lines = example(make.runtime === "sh" ? "agent-shell" : "agent-fields");
    expect(lines.length).toBeGreaterThan(10);
    const wanted = lines.filter((line) => line.startsWith("< "));
    const received: string[] = [];
    for (const line of lines) {
      if (line.startsWith("< ")) received.push(await agent.line());
      else if (line.startsWith(">|")) agent.write(line.slice(2).replaceAll("␀", "\0").replaceAll("␊", "\n"));
      else agent.write(`${line.slice(2)}\n`);
    }
    for (const [index, line] of wanted.entries()) expect(received[index]).toMatch(patternOf(line.slice(2), folder));
    expect(existsSync(join(folder, "root/gone"))).toBe(make.runtime === "sh");
    expect(readFileSync(join(folder, "root/f"), "utf8")).toBe(make.runtime === "sh" ? "new\n" : "old\n");
    rmSync(base, { recursive: true });
  });
});

test("the page names every word of the agents' tables", () => {
  for (const name of ["python3/agent.py", "node/agent.cjs", "sh/agent.sh"]) {
    const text = readFileSync(new URL(`../../agents/${name}`, import.meta.url), "utf8");
    const words =
      name === "sh/agent.sh"
        ? [...text.matchAll(/^([a-z0-9_]{2,3})\(\) \{ [a-z_]+( "\$@")?; \}$/gm)]
        : [...text.matchAll(/^ {2,4}b?"?([a-z]{2})"?: /gm)];
    expect(words.length).toBeGreaterThan(15);
    for (const [, word] of words) expect(page, `${name}: ${word}`).toMatch(new RegExp(`[\`( ;]${word}[\` ]`));
  }
});
