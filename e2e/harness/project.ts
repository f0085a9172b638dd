import { appendFile, chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { listFiles } from "./file-listing.ts";
import type { FileListing } from "./file-listing.ts";

/** The local files of a situation, in a temporary folder. */
export class Project implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Project> {
    return new Project(await mkdtemp(join(tmpdir(), "kinsync-e2e-")));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async write(name: string, content: string | Buffer): Promise<void> {
    await mkdir(dirname(this.path(name)), { recursive: true });
    await writeFile(this.path(name), content);
  }

  async append(name: string, content: string): Promise<void> {
    await appendFile(this.path(name), content);
  }

  /** Replaces a file atomically, as most editors do. */
  async replace(name: string, content: string): Promise<void> {
    await this.write(".kinsync-e2e-new", content);
    await mkdir(dirname(this.path(name)), { recursive: true });
    await this.move(".kinsync-e2e-new", name);
  }

  async writeAll(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) await this.write(name, content);
  }

  async makeFolder(name: string): Promise<void> {
    await mkdir(this.path(name), { recursive: true });
  }

  async link(name: string, to: string): Promise<void> {
    await symlink(to, this.path(name));
  }

  async chmod(name: string, mode: number): Promise<void> {
    await chmod(this.path(name), mode);
  }

  async move(from: string, to: string): Promise<void> {
    await rename(this.path(from), this.path(to));
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { recursive: true });
  }

  async list(name: string): Promise<FileListing> {
    return (await listFiles(this.path(name))) ?? {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
