import type { z } from "zod";

type Plain = string | number | boolean;

/** Of a value that is not plain only the presence is checked: each object has a shape of its own. */
type SchemaOf<Value> = [Value] extends [Plain | readonly Plain[]] ? z.ZodType<Value> : z.ZodType;

/**
 * The schema of a type: exactly its keys, each with values of its type, optional where the type's key is. A key that only one side has
 * does not compile.
 */
export type Shape<Type> = {
  readonly [Key in keyof Type]-?: object extends Pick<Type, Key>
    ? z.ZodOptional<SchemaOf<Exclude<Type[Key], undefined>>>
    : SchemaOf<Type[Key]>;
};

/** Describes the keys of a schema to editors. */
export function described<Keys extends z.core.$ZodLooseShape>(
  shape: Keys,
  texts: Readonly<Record<keyof Keys, string>>,
): Keys {
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [key, (schema as z.ZodType).describe(texts[key as keyof Keys])]),
  ) as Keys;
}
