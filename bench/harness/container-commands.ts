// What containers of the bench run: by a shell, or by python3 in images that have nothing else.

/** Command lines for one sort of image. Paths are below the working directory. */
export interface Inside {
  readonly hasShell: boolean;
  /** Makes these folders and then waits until it is ended. `command`: what is run by the shell instead of waiting. */
  idle(folders: readonly string[], command?: string): readonly string[];
  /** Takes blocks of so many bytes from its input until this ends, and appends each of them to a file at once. */
  append(block: number, path: string): readonly string[];
  /** Takes so many bytes from its input and replaces a file by them. */
  replace(bytes: number, path: string): readonly string[];
}

const SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

const SHELL: Inside = {
  hasShell: true,
  idle: (folders, command = SLEEP) => ["sh", "-c", `mkdir -p ${folders.join(" ")}; ${command}`],
  // The shell stays: an exec whose process closes its standard output is over.
  append: (block, path) => ["sh", "-c", `dd bs=${block} iflag=fullblock of=${path}; :`],
  replace: (bytes, path) => [
    "sh",
    "-c",
    `dd bs=${bytes} count=1 iflag=fullblock of=${path}.new 2>/dev/null && mv -f ${path}.new ${path}`,
  ],
};

const PYTHON: Inside = {
  hasShell: false,
  idle: (folders) => {
    const make = folders.map((folder) => `os.makedirs(${JSON.stringify(folder)}, exist_ok=True)`);
    return ["python3", "-c", ["import os, signal", ...make, "signal.pause()"].join("\n")];
  },
  append: (block, path) => [
    "python3",
    "-c",
    `import sys
with open(${JSON.stringify(path)}, "ab", 0) as file:
  while len(block := sys.stdin.buffer.read(${block})) == ${block}: file.write(block)`,
  ],
  replace: (bytes, path) => [
    "python3",
    "-c",
    `import os, sys
with open(${JSON.stringify(`${path}.new`)}, "wb") as file: file.write(sys.stdin.buffer.read(${bytes}))
os.replace(${JSON.stringify(`${path}.new`)}, ${JSON.stringify(path)})`,
  ],
};

/** The last part of an image's name, without its tag: `busybox` of `localhost/busybox:1`. */
export function baseName(image: string): string {
  return /([^/:@]+)(?:[:@][^/]*)?$/.exec(image)?.[1] ?? image;
}

export function insideOf(image: string): Inside {
  return baseName(image) === "python" ? PYTHON : SHELL;
}
