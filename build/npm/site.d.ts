// What the build puts beside the site's modules.

/** The glossary: a term's anchor → its name and definition. */
declare module "*/terms.js" {
  export const TERMS: Record<string, [name: string, meaning: string]>;
}

/** In the one script of a copy on a disk: a module's path in the site → the function that runs it. */
declare const modules: Record<
  string,
  (load: (path: string) => unknown, later: (path: string) => Promise<unknown>, here: string) => unknown
>;
