import { breakAtBlanks } from "./break-lines.ts";
import type { LiveOptions } from "./live-options.ts";
import type { LiveRun } from "./live-run.ts";
import type { Reporter } from "./reporter.ts";
import { clean } from "./text.ts";

/** Shows a run on a terminal. Its first lines need none of the modules that the screen needs; these load meanwhile. */
export function createLiveReporter(options: LiveOptions): Reporter {
  const { output, paint } = options;
  let run: LiveRun | undefined;
  let loading: Promise<LiveRun> | undefined;

  function load(): Promise<LiveRun> {
    loading ??= import("./live-run.ts").then(({ createLiveRun }) => createLiveRun(options));
    return loading;
  }
  function write(text: string, decorate: (line: string) => string = (line) => line): void {
    for (const line of breakAtBlanks(text, (output.columns ?? 80) - 1)) output.write(`${decorate(line)}\n`);
  }
  return {
    start: ({ command, lines }) => {
      for (const each of lines) {
        write(`${command} ${clean(each)}`, (line) =>
          line.replace(new RegExp(`^${command} `), `${paint("bold", command)} `),
        );
      }
    },
    cluster: (context, server, namespace) => {
      const text = `context ${clean(context)} (${clean(server)}), namespace ${clean(namespace)}`;
      write(text, (line) => paint("dim", line));
      void load();
    },
    prepare: async () => {
      run = await load();
    },
    note: (text, code) => {
      if (run === undefined)
        write(`note: ${clean(text)}`, (line) => line.replace(/^note:/, `${paint("cyan", "note")}:`));
      else run.note(text, code);
    },
    attach: (...attached) => run?.attach(...attached),
    rename: (workloads) => run?.rename(workloads),
    event: (event) => run?.event(event),
    log: (line) => run?.log(line),
    hold: () => run?.hold(),
    release: () => run?.release(),
    end: (summaries) => run?.end(summaries),
    abandon: () => run?.abandon(),
  };
}
