const DOCS_URL = "https://github.com/kinsync/kinsync/blob/main/docs";

/** Where a page of the docs is published: packages do not contain them. @param page path below `docs/` */
export function docsUrl(page: string): string {
  return `${DOCS_URL}/${page}`;
}
