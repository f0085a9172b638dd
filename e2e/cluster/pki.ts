import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../command.ts";

export interface CertificatePlan {
  /** `apiserver` makes apiserver.crt and apiserver.key. */
  readonly name: string;
  /** `/O=system:masters/CN=admin` */
  readonly subject: string;
  /** `IP:127.0.0.1,DNS:localhost` */
  readonly names: string;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes a folder with a certificate authority (ca.crt, ca.key), the certificates that it signs, and the key of service accounts (sa.key). */
export async function makeCertificates(folder: string, plans: readonly CertificatePlan[]): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  const at = (name: string) => join(folder, name);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeFile(at("sa.key"), privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
  const authority = ["-keyout", at("ca.key"), "-out", at("ca.crt"), "-subj", "/CN=e2e-ca", "-days", "365"];
  await run(["openssl", "req", "-x509", ...KEY, ...authority]);
  await Promise.all(
    plans.map(async ({ name, subject, names }, index) => {
      const [key, request, certificate, extensions] = ["key", "csr", "crt", "ext"].map((end) => at(`${name}.${end}`));
      if (!key || !request || !certificate || !extensions) return;
      await writeFile(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
      await run(["openssl", "req", ...KEY, "-keyout", key, "-out", request, "-subj", subject]);
      const signed = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-set_serial", String(index + 2), "-days", "365"];
      const files = ["-in", request, "-out", certificate, "-extfile", extensions];
      await run(["openssl", "x509", "-req", ...signed, ...files]);
    }),
  );
}

export interface KubeconfigPlan {
  readonly path: string;
  /** `https://10.99.1.1:6443` */
  readonly server: string;
  readonly pki: string;
  /** Name of a certificate in `pki`. */
  readonly user: string;
}

/** Writes a kubeconfig that holds all that it needs. */
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
