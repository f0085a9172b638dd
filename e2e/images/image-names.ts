/** The images of the situations. A read-only root is not an image: `securityContext.readOnlyRootFilesystem`. */
export interface Images {
  /** busybox with sh and tar; works in /app, as root. */
  readonly busybox: string;
  /** GNU tar, coreutils and findutils, dash as sh, bash; works in /app, as root. */
  readonly debian: string;
  /** Debian's python3 only: no shell, no tar. Works in /app, as root. */
  readonly python: string;
  /** GNU coreutils, grep, dash as sh, and Debian's python3. Works in /app, as root. */
  readonly training: string;
  /** Debian's perl-base only: no shell, no tar. Works in /app, as root. */
  readonly "perl-base": string;
  /** The Node.js that built the images. Works in /app, as root. Built on request only. */
  readonly node: string;
  /** One static program that waits, as user 65532, who owns /app. No shell, no libraries. */
  readonly distroless: string;
}

/** `busybox`, as situations name an image. */
export type ImageName = keyof Images;

export const IMAGES: Images = {
  busybox: "localhost/busybox:1",
  debian: "localhost/debian:1",
  python: "localhost/python:1",
  training: "localhost/training:1",
  "perl-base": "localhost/perl-base:1",
  node: "localhost/node:1",
  distroless: "localhost/distroless:1",
};

/** The image of pod sandboxes. */
export const PAUSE_IMAGE = "localhost/pause:1";
