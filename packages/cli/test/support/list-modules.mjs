// Preloaded by a test into a process of its own: reports the modules that are loaded until the process writes to stdout for the first time,
// and at its end. One JSON object a line, to the file that KINSYNC_MODULES names. Node's own modules are left out.
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

const file = process.env.KINSYNC_MODULES;
const urls = new Set();
registerHooks({
  load(url, context, nextLoad) {
    if (url.startsWith("file:")) urls.add(url);
    return nextLoad(url, context);
  },
});

function report(moment) {
  appendFileSync(file, `${JSON.stringify({ moment, urls: [...urls] })}\n`);
}

// A terminal gets each line at once; what goes to a pipe is gathered first.
const { stdout } = process;
stdout.isTTY = true;
const write = stdout.write.bind(stdout);
stdout.write = (...args) => {
  stdout.write = write;
  report("first line");
  return write(...args);
};
process.on("exit", () => report("end"));
