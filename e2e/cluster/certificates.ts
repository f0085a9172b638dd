import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../harness/command.ts";

export interface CertificatePlan {
  /** `apiserver` makes apiserver.crt and apiserver.key. */
  readonly name: string;
  /** `/O=system:masters/CN=admin` */
  readonly subject: string;
  /** `IP:127.0.0.1,DNS:localhost`. Default: none; clients require none. */
  readonly names?: string;
  /** Default: a year from now. */
  readonly until?: Date;
}

const DAY_MS = 24 * 3600 * 1000;

/** Creates a folder with a certificate authority (ca.crt, ca.key), certificates that it signs, and the key of service accounts (sa.key). */
export async function createCertificates(folder: string, plans: readonly CertificatePlan[]): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "sec1", format: "pem" });
  await writeFile(join(folder, "sa.key"), key, { mode: 0o600 });
  await issue({
    plan: { name: "ca", subject: "/CN=e2e-ca" },
    authority: folder,
    folder,
    extensions:
      "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash",
    more: ["-selfsign"],
  });
  await Promise.all(plans.map((plan) => createCertificate(folder, folder, plan)));
}

/**
 * Creates a certificate and its key in a folder.
 * @param authority folder of the certificate authority that signs it
 */
export async function createCertificate(authority: string, folder: string, plan: CertificatePlan): Promise<void> {
  const names = plan.names === undefined ? "" : `subjectAltName = ${plan.names}\n`;
  await issue({ plan, authority, folder, extensions: `${names}extendedKeyUsage = serverAuth, clientAuth`, more: [] });
}

interface Issue {
  readonly plan: CertificatePlan;
  readonly authority: string;
  readonly folder: string;
  readonly extensions: string;
  readonly more: readonly string[];
}

/** By `openssl ca`, the only command with a choice of times; each call has a database of its own, so that calls can run in parallel. */
async function issue({ plan, authority, folder, extensions, more }: Issue): Promise<void> {
  const { name, subject } = plan;
  const at = (end: string): string => join(folder, `${name}.${end}`);
  const configuration = `[ca]
default_ca = authority
[authority]
database = ${at("index")}
new_certs_dir = ${folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = names
x509_extensions = extensions
[names]
organizationName = optional
commonName = supplied
[extensions]
${extensions}
`;
  await Promise.all([writeFile(at("cnf"), configuration), writeFile(at("index"), "")]);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", at("key")];
  await run(["openssl", "req", ...key, "-out", at("csr"), "-subj", subject]);
  // Valid also for a clock that is an hour behind.
  const begin = new Date(Date.now() - DAY_MS);
  const end = plan.until ?? new Date(Date.now() + 365 * DAY_MS);
  const times = ["-startdate", textOf(begin), "-enddate", textOf(end)];
  const signer = ["-cert", join(authority, "ca.crt"), "-keyfile", join(authority, "ca.key")];
  const files = ["-config", at("cnf"), "-in", at("csr"), "-out", at("crt")];
  await run(["openssl", "ca", "-batch", "-notext", ...more, ...signer, ...times, ...files]);
}

/** `20260131235959Z` */
function textOf(date: Date): string {
  return date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
}

export interface KubeconfigPlan {
  readonly path: string;
  /** `https://10.99.1.1:6443` */
  readonly server: string;
  readonly pki: string;
  /** Name of a certificate in `pki`. */
  readonly user: string;
}

/** Writes a kubeconfig that embeds its certificates. */
export async function writeKubeconfig({ path, server, pki, user }: KubeconfigPlan): Promise<void> {
  const data = async (name: string) => (await readFile(join(pki, name))).toString("base64");
  const [authority, certificate, key] = await Promise.all([data("ca.crt"), data(`${user}.crt`), data(`${user}.key`)]);
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "e2e",
    clusters: [{ name: "e2e", cluster: { server, "certificate-authority-data": authority } }],
    users: [{ name: "e2e", user: { "client-certificate-data": certificate, "client-key-data": key } }],
    contexts: [{ name: "e2e", context: { cluster: "e2e", user: "e2e" } }],
  };
  await writeFile(path, JSON.stringify(kubeconfig, undefined, 2), { mode: 0o600 });
}
