export { __factory__, __factory__ as default } from "./__name__.ts";
export type { __PascalName__Options } from "./__name__.ts";
