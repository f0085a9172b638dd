#!/usr/bin/env node
// Plain JavaScript without a static import or `await`: it must run on a Node that can run nothing else of kinsync, to report which one
// is needed. It is not a product of the build, so that npm links it in a fresh clone.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(
    `error KINSYNC_USAGE: kinsync needs Node 22.22 or newer, and this is ${process.versions.node}\n` +
      "  hint: install a newer Node (https://nodejs.org), or run it with npx -p node@24 -p kinsync kinsync\n",
  );
  process.exitCode = 2;
} else {
  import("#process").then(
    ({ runProcess }) => runProcess(),
    (error) => {
      if (error.code !== "ERR_MODULE_NOT_FOUND" || !String(error.url).includes("/dist/")) throw error;
      process.stderr.write(
        "error KINSYNC_USAGE: this clone of kinsync is not built\n  hint: run npm run build in it\n",
      );
      process.exitCode = 2;
    },
  );
}
