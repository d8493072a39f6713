// What the build puts beside the site's modules.

/** The glossary: a term's anchor → its name and definition. */
declare module "*/terms.js" {
  export const TERMS: Record<string, [name: string, meaning: string]>;
}

/** In a copy on a disk: a module's path in the site → its text. */
declare const modules: Record<string, string>;
