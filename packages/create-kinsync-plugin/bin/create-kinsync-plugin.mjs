#!/usr/bin/env node
// Plain JavaScript without a static import: it must run on a Node that can run nothing else of this package, to report which one is needed.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(
    `error: create-kinsync-plugin needs Node 22.22 or newer, and this is ${process.versions.node}\n` +
      "  hint: install a newer Node (https://nodejs.org)\n",
  );
  process.exitCode = 2;
} else {
  const { main } = await import("#main");
  process.exitCode = await main(process.argv.slice(2), process);
}
