// The development runtime is Node 24, installed by the npm package `node`. If its install script was blocked, everything runs on the
// machine's own Node; this is the only place that reports it.
const major = Number(process.versions.node.split(".")[0]);
if (major !== 24) {
  console.error(
    `kinsync is developed on Node 24, but this script runs on ${process.versions.node}.\n` +
      "The npm package `node` installs it: run `npm ci` without --ignore-scripts, and start this with `npm run`.",
  );
  process.exitCode = 1;
}
