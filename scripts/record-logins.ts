// Lets a real kubectl do every login case, and writes what it did: npm run record:logins -- --kubectl PATH
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LOGIN_CASES } from "../packages/core/test/cluster/support/logins/all-cases.ts";
import { kubectl } from "../packages/core/test/cluster/support/logins/kubectl.ts";
import { observe, type Observations } from "../packages/core/test/cluster/support/logins/observe.ts";

const { values } = parseArgs({ options: { kubectl: { type: "string", default: "kubectl" } } });
const FILE = new URL("../packages/core/test/cluster/fixtures/kubectl-answers.json", import.meta.url);

interface Version {
  readonly clientVersion: { readonly gitVersion: string };
}

const version = JSON.parse(
  execFileSync(values.kubectl, ["version", "--client", "-o", "json"], { encoding: "utf8" }),
) as Version;
const client = kubectl(values.kubectl);
const answers: Record<string, Observations> = {};
for (const login of LOGIN_CASES) {
  answers[login.name] = { get: await observe("get", login, client), exec: await observe("exec", login, client) };
  process.stdout.write(`${login.name}\n`);
}
writeFileSync(FILE, `${JSON.stringify({ kubectl: version.clientVersion.gitVersion, answers }, undefined, 2)}\n`);
process.stdout.write(`wrote ${LOGIN_CASES.length} cases to ${fileURLToPath(FILE)}\n`);
