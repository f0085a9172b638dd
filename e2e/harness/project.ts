import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pictureOf } from "./file-listing.ts";
import type { Picture } from "./file-listing.ts";

/** The local files of a situation, in a folder of their own. */
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

  /** Puts new content in place at once, as most editors do: nobody can see the half of it. */
  async replace(name: string, content: string): Promise<void> {
    await this.write(".kinsync-e2e-new", content);
    await mkdir(dirname(this.path(name)), { recursive: true });
    await this.move(".kinsync-e2e-new", name);
  }

  async writeAll(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) await this.write(name, content);
  }

  async folderAt(name: string): Promise<void> {
    await mkdir(this.path(name), { recursive: true });
  }

  async link(name: string, to: string): Promise<void> {
    await symlink(to, this.path(name));
  }

  async mode(name: string, mode: number): Promise<void> {
    await chmod(this.path(name), mode);
  }

  async move(from: string, to: string): Promise<void> {
    await rename(this.path(from), this.path(to));
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { recursive: true });
  }

  async picture(name: string): Promise<Picture> {
    return (await pictureOf(this.path(name))) ?? {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
