/** Something in a container at or below a path that is pulled. */
export interface PullEntry {
  /** Relative to the pulled path, without a leading slash; empty for the pulled path itself. As the container reports it: not checked. */
  readonly path: string;
  /**
   * `file`: a regular file; each name of a file with several is an entry of its own. `other`: a device, a pipe, a socket, or a name that is
   * not UTF-8. `unreadable`: it could not be read, or, where the path is empty, something below it.
   */
  readonly type: "file" | "directory" | "link" | "other" | "unreadable";
  /** Of a file: its owner may execute it. */
  readonly executable?: boolean;
  /** Of a file: its bytes when it was listed, for the progress. Since contract 2.5. Default: not known. */
  readonly size?: number;
  /** Of a link: where it leads, as it is written there. */
  readonly target?: string;
}

/** A file to send. */
export interface PullRequest {
  /** Of an entry of the type `file`. */
  readonly path: string;
  /** What the caller has of the file: this many first bytes, with this SHA-256 in lower-case hexadecimal digits. Default: nothing. */
  readonly have?: { readonly size: number; readonly digest: string };
  /** Send no bytes: only find out whether `have` is the whole file. Default: `false`. */
  readonly compareOnly?: boolean;
}

/** The answer to a request. */
export interface PulledFile {
  /** Of the request. */
  readonly request: PullRequest;
  /** Bytes of the file; `undefined`: it no longer is a file that can be read, and there are no bytes. */
  readonly size: number | undefined;
  /** `have.size` if the file begins with what the caller has, else 0. Equal to `size`: the caller has the whole file. */
  readonly offset: number;
  /** The bytes from `offset` to `size`; none if only compared. Read once, before `take` returns. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** SHA-256 of the file up to `size`, once `chunks` was read; `undefined`: the file changed meanwhile, or was only compared. */
  readonly digest: () => string | undefined;
}

/** What a pull gets from its caller. */
export interface PullOptions {
  /** Ends the pull. */
  readonly signal: AbortSignal;
  /** Called once, with everything at and below the path, in any order. Yields the files to send; they are requested ahead of their answers. */
  readonly choose: (entries: readonly PullEntry[]) => AsyncIterable<PullRequest>;
  /** Called for each request, in the order of the requests. The next answer waits until it has settled. */
  readonly take: (file: PulledFile) => Promise<void>;
}
