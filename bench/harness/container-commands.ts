// Commands of the benchmark's containers: for a shell, or for python3 in images without a shell.

/** Command lines for one kind of image. Paths are below the working directory. */
export interface ContainerCommands {
  readonly hasShell: boolean;
  /** Creates these folders and then waits. `command`: the shell runs this instead of waiting. */
  idle(folders: readonly string[], command?: string): readonly string[];
  /** Reads blocks of this size from its input until it ends, and appends each block to a file at once. */
  append(block: number, path: string): readonly string[];
  /** Reads this number of bytes from its input and replaces a file with them. */
  replace(bytes: number, path: string): readonly string[];
}

const SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

const SHELL: ContainerCommands = {
  hasShell: true,
  idle: (folders, command = SLEEP) => ["sh", "-c", `mkdir -p ${folders.join(" ")}; ${command}`],
  // The shell stays: an exec ends when its process closes its standard output.
  append: (block, path) => ["sh", "-c", `dd bs=${block} iflag=fullblock of=${path}; :`],
  replace: (bytes, path) => [
    "sh",
    "-c",
    `dd bs=${bytes} count=1 iflag=fullblock of=${path}.new 2>/dev/null && mv -f ${path}.new ${path}`,
  ],
};

const PYTHON: ContainerCommands = {
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

/** The last part of an image's name without its tag: `busybox` of `localhost/busybox:1`. */
export function baseName(image: string): string {
  return /([^/:@]+)(?:[:@][^/]*)?$/.exec(image)?.[1] ?? image;
}

export function commandsFor(image: string): ContainerCommands {
  return baseName(image) === "python" ? PYTHON : SHELL;
}
