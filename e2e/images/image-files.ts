import { lstat, readFile, readlink, realpath } from "node:fs/promises";
import { basename } from "node:path";
import { execute, run } from "../harness/command.ts";
import type { ImageFile } from "./oci-archive.ts";

/** Folders of Debian's /usr that are linked from /. */
const MERGED = ["bin", "lib", "lib64", "sbin"] as const;

/** The files of every image: users, folders for mounts and temporary files, and /app. */
export function commonFiles(): readonly ImageFile[] {
  const empty = ["app", "dev", "etc", "proc", "root", "sys", "usr", "var"];
  return [
    ...empty.map((path): ImageFile => ({ kind: "folder", path })),
    { kind: "folder", path: "tmp", mode: 0o1777 },
    text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
  ];
}

export function text(path: string, content: string): ImageFile {
  return { kind: "file", path, mode: 0o644, content: Buffer.from(content) };
}

/** busybox, and a link to it for each of its commands. */
export async function busyboxFiles(): Promise<readonly ImageFile[]> {
  const names = (await run(["/bin/busybox", "--list"])).trim().split("\n");
  const links = names.filter((name) => name !== "busybox");
  return [
    await program("/bin/busybox", "bin/busybox"),
    ...links.map((name): ImageFile => ({ kind: "link", path: `bin/${name}`, target: "busybox" })),
  ];
}

/** The machine's programs of some Debian packages, with their libraries. */
export async function packageFiles(packages: readonly string[]): Promise<readonly ImageFile[]> {
  const listed = await listFiles(packages);
  const programs = listed.filter((path) => /^(\/usr)?\/s?bin\//.test(path));
  const files = await Promise.all(programs.map(copyOf));
  // A diversion, which no package lists, makes dash the sh.
  const sh: readonly ImageFile[] = packages.includes("dash")
    ? [{ kind: "link", path: "usr/bin/sh", target: "dash" }]
    : [];
  return [...mergedLinks(), ...files.flat(), ...sh, ...(await librariesOf(programs))];
}

/** Debian's python3 with its standard library; neither pip nor other packages. */
export async function pythonFiles(): Promise<readonly ImageFile[]> {
  const python = await realpath("/usr/bin/python3");
  const version = basename(python);
  const library = await listFiles([`lib${version}-minimal`, `lib${version}-stdlib`]);
  return [
    { kind: "link", path: "usr/bin/python3", target: version },
    ...(await interpreterFiles(
      python,
      `usr/bin/${version}`,
      library.filter((path) => path.startsWith(`/usr/lib/${version}/`)),
    )),
  ];
}

/** Debian's perl with the modules of perl-base. */
export async function perlFiles(): Promise<readonly ImageFile[]> {
  const base = (await listFiles(["perl-base"])).filter((path) => /^\/usr\/lib\/.*\/perl-base\//.test(path));
  return interpreterFiles("/usr/bin/perl", "usr/bin/perl", base);
}

/** The Node.js that runs this program. */
export function nodeFiles(): Promise<readonly ImageFile[]> {
  return interpreterFiles(process.execPath, "usr/bin/node", []);
}

async function interpreterFiles(
  source: string,
  path: string,
  library: readonly string[],
): Promise<readonly ImageFile[]> {
  const files = await Promise.all(library.map(copyOf));
  const natives = library.filter((each) => each.endsWith(".so"));
  return [...mergedLinks(), await program(source, path), ...files.flat(), ...(await librariesOf([source, ...natives]))];
}

/** A program of the machine under a path of the image. */
export async function program(source: string, path: string): Promise<ImageFile> {
  return { kind: "file", path, mode: 0o755, content: await readFile(source) };
}

async function listFiles(packages: readonly string[]): Promise<readonly string[]> {
  const lists = await Promise.all(packages.map((name) => run(["dpkg", "--listfiles", name])));
  return lists.flatMap((list) => list.split("\n")).filter((line) => line.startsWith("/"));
}

/** A file as it is on the machine; nothing for folders, and for files that dpkg lists but that do not exist. */
async function copyOf(path: string): Promise<readonly ImageFile[]> {
  const state = await lstat(path).catch(() => undefined);
  const to = inUsr(path);
  if (state?.isSymbolicLink()) {
    return [{ kind: "link", path: to, target: await readlink(path) }];
  }
  if (state?.isFile()) {
    return [{ kind: "file", path: to, mode: state.mode & 0o777, content: await readFile(path) }];
  }
  return [];
}

async function librariesOf(programs: readonly string[]): Promise<readonly ImageFile[]> {
  // ldd reports scripts and static programs as errors and continues.
  const { stdout } = await execute(["ldd", ...programs]);
  const paths = new Set([...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path));
  return Promise.all([...paths].map((path) => program(path, inUsr(path))));
}

function mergedLinks(): readonly ImageFile[] {
  return MERGED.flatMap((name): readonly ImageFile[] => [
    { kind: "folder", path: `usr/${name}` },
    { kind: "link", path: name, target: `usr/${name}` },
  ]);
}

/** `/lib/x.so` -> `usr/lib/x.so`: an archive entry cannot lie below a link. */
function inUsr(path: string): string {
  const [, top = ""] = path.split("/");
  return MERGED.some((name) => name === top) ? `usr${path}` : path.slice(1);
}
