import { statfs } from "node:fs/promises";

/** Types (`statfs`) of file systems that emit no events for changes made elsewhere: NFS, SMB, CIFS, SMB2, 9p, FUSE, vboxsf. */
const REMOTE_TYPES = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x786f4256]);

/** Whether files at a path may change without an event. `false` if the file system is not known. */
export async function isOnRemoteFileSystem(path: string): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const fileSystem = await statfs(path).catch(() => undefined);
  return fileSystem !== undefined && REMOTE_TYPES.has(fileSystem.type);
}
