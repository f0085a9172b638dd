// node e2e/faults/certificate-plugin.ts AUTHORITY USER SECONDS: a credential plugin for kubeconfigs. Each call creates a client
// certificate that is valid for SECONDS. AUTHORITY is the folder of the cluster's certificate authority.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificate } from "../cluster/certificates.ts";

const [authority = "", user = "", seconds = ""] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "kinsync-e2e-certificate-"));
try {
  const until = new Date(Date.now() + Number(seconds) * 1000);
  await createCertificate(authority, folder, { name: "user", subject: `/CN=${user}`, until });
  const status = {
    clientCertificateData: await readFile(join(folder, "user.crt"), "utf8"),
    clientKeyData: await readFile(join(folder, "user.key"), "utf8"),
    expirationTimestamp: until.toISOString(),
  };
  process.stdout.write(
    JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
