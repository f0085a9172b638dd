import { cleanData } from "../../render/text.ts";

/** A value of a config and where it comes from, or values that are made of such. */
export type ConfigValue =
  | { readonly value: unknown; readonly source: string }
  | { readonly list: readonly ConfigValue[] }
  | { readonly fields: Readonly<Record<string, ConfigValue>> };

/** YAML with the source of each value as a comment behind it. */
export async function formatValues(values: ConfigValue): Promise<string> {
  const { Document, isNode, YAMLMap, YAMLSeq } = await import("yaml");
  const document = new Document();
  const nodeOf = (value: ConfigValue): unknown => {
    if ("list" in value) {
      const list = new YAMLSeq(document.schema);
      for (const each of value.list) list.add(nodeOf(each));
      return list;
    }
    if ("fields" in value) {
      const map = new YAMLMap(document.schema);
      for (const [key, each] of Object.entries(value.fields))
        map.add({ key: document.createNode(key), value: nodeOf(each) });
      return map;
    }
    const node: unknown = document.createNode(cleanData(value.value), { flow: true });
    if (isNode(node)) node.comment = ` ${String(cleanData(value.source))}`;
    return node;
  };
  document.contents = nodeOf(values) as never;
  return document.toString({ lineWidth: 0 });
}
