export { __factory__, __factory__ as default } from "./__kind__.ts";
