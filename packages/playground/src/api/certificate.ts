import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A key pair for the server and the certificate that clients must trust: they are in the kubeconfig. */
export interface ServerCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. Never leaves the process. */
  readonly key: string;
}

const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  extendedKeyUsage: [0x55, 0x1d, 0x25],
  serverAuth: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
} as const;

/** One DER element: tag, length, content. */
function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function oid(bytes: readonly number[]): Buffer {
  return der(0x06, bytes);
}

function time(at: Date): Buffer {
  return der(0x18, Buffer.from(`${at.toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)}Z`, "latin1"));
}

function extension(id: readonly number[], critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(critical ? [der(0x01, [0xff])] : []), der(0x04, value));
}

/**
 * Makes a self-signed certificate for 127.0.0.1 and localhost, valid from an hour ago for a year.
 * The playground needs TLS because kubectl sends no token without it, and Node cannot create certificates.
 */
export function createServerCertificate(now = new Date()): ServerCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const name = sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from("kinsync-playground", "utf8")))));
  const serial = randomBytes(16);
  // A positive number without leading zero bytes, as DER requires.
  serial[0] = 0x40 | (serial[0]! & 0x3f);
  const hour = 3_600_000;
  const body = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, serial),
    algorithm,
    name,
    sequence(time(new Date(now.getTime() - hour)), time(new Date(now.getTime() + 365 * 24 * hour))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        extension(OID.basicConstraints, true, sequence(der(0x01, [0xff]))),
        // digitalSignature and keyCertSign: bits 0 and 5, two bits unused.
        extension(OID.keyUsage, true, der(0x03, [2, 0x84])),
        extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
        extension(
          OID.subjectAltName,
          false,
          sequence(der(0x87, [127, 0, 0, 1]), der(0x82, Buffer.from("localhost", "latin1"))),
        ),
      ),
    ),
  );
  const certificate = sequence(body, algorithm, der(0x03, [0], sign("sha256", body, privateKey)));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
