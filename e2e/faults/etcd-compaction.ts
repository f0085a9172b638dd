import { findComponent, flagOf } from "./node-components.ts";

/** Makes etcd delete all versions except the current ones: https://etcd.io/docs/v3.6/op-guide/maintenance/ */
export async function compactEtcd(): Promise<void> {
  const server = flagOf(await findComponent("etcd"), "listen-client-urls");
  const range = { key: btoa("compact"), limit: 1 };
  const { header } = (await post(`${server}/v3/kv/range`, range)) as { readonly header: { readonly revision: string } };
  await post(`${server}/v3/kv/compaction`, { revision: header.revision, physical: true });
}

async function post(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
