// Parses the programs for containers with the interpreters and linters that this machine has. Run by `npm run check`.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

interface Check {
  readonly folder: string;
  readonly command: readonly string[];
  /** The tool is only used where the machine has it. */
  readonly isOptional: boolean;
}

const PYTHON_PARSE = "import sys; [compile(open(path).read(), path, 'exec') for path in sys.argv[1:]]";

const CHECKS: readonly Check[] = [
  { folder: "node", command: [process.execPath, "--check"], isOptional: false },
  { folder: "python3", command: ["python3", "-c", PYTHON_PARSE], isOptional: true },
  { folder: "python3", command: ["ruff", "check", "--ignore", "F821"], isOptional: true },
  { folder: "sh", command: ["sh", "-n"], isOptional: true },
  { folder: "sh", command: ["dash", "-n"], isOptional: true },
  { folder: "sh", command: ["bash", "--posix", "-n"], isOptional: true },
  { folder: "sh", command: ["busybox", "sh", "-n"], isOptional: true },
  { folder: "sh", command: ["shellcheck", "--shell=sh", "--severity=error"], isOptional: true },
];

const agents = join(import.meta.dirname, "../../agents");
const missing = new Set<string>();

for (const { folder, command, isOptional } of CHECKS) {
  const [program = "", ...options] = command;
  for (const name of readdirSync(join(agents, folder))) {
    const { error, status, stderr, stdout } = spawnSync(program, [...options, join(agents, folder, name)], {
      encoding: "utf8",
      timeout: 60_000,
    });
    const isMissing = error !== undefined && "code" in error && error.code === "ENOENT";
    if (isMissing && isOptional) missing.add(program);
    else if (error !== undefined || status !== 0) {
      process.stderr.write(`${command.join(" ")} ${folder}/${name}: ${error?.message ?? stdout + stderr}\n`);
      process.exitCode = 1;
    }
  }
}
if (missing.size > 0) process.stdout.write(`not on this machine, so not run: ${[...missing].join(", ")}\n`);
