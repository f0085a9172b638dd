// The development runtime is Node 24, brought by the npm package `node`. When its install script was blocked, everything
// silently runs on the machine's own Node instead; this is the one place that notices.
const major = Number(process.versions.node.split(".")[0]);
if (major !== 24) {
  console.error(
    `kinsync is developed on Node 24, but this script runs on ${process.versions.node}.\n` +
      "The npm package `node` brings it: run `npm ci` without --ignore-scripts, and start this through `npm run`.",
  );
  process.exitCode = 1;
}
