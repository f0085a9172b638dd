#!/usr/bin/env node
// Plain JavaScript without a single static import: it has to say which Node is needed on one that can run nothing else of this.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(
    `error KINSYNC_USAGE: kinsync needs Node 22.22 or newer, and this is ${process.versions.node}\n` +
      "  hint: install a newer Node (https://nodejs.org), or run it with npx -p node@24 -p kinsync kinsync\n",
  );
  process.exitCode = 2;
} else {
  void import("./process.ts").then(({ runProcess }) => runProcess());
}
