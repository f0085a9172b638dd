export const PERL_AGENT = "";
