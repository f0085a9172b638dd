// The package has no types of its own; this is the part of it that is used here.
declare module "cli-progress" {
  export interface BarFormatOptions {
    readonly barsize: number;
    readonly barCompleteString: string;
    readonly barIncompleteString: string;
    readonly barGlue: string;
  }
  const cliProgress: {
    readonly Format: { readonly BarFormat: (progress: number, options: BarFormatOptions) => string };
  };
  export default cliProgress;
}
