/** Puts what is generated into pages that people write: between two marks, and nowhere else. */

/** How every page begins that has generated parts. */
export const NOTICE =
  "<!-- Between the marks `generated` and `end` this page is made from the Schemas, by `deno task docs`: change it there. -->";

const REGION = /(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)/gs;

/**
 * The page with each region's text as given, by the name in its mark. Throws when a region has no text, a
 * text no region, or the page no notice at its head.
 */
export const fillRegions = (page: string, texts: Readonly<Record<string, string>>): string => {
  if (!page.startsWith(NOTICE)) throw new Error(`the page does not begin with ${NOTICE}`);
  const left = new Set(Object.keys(texts));
  const filled = page.replace(REGION, (_, begin: string, name: string, end: string) => {
    if (!left.delete(name)) throw new Error(`nothing to generate for ${name}, or twice`);
    return `${begin}\n${texts[name]}\n\n${end}`;
  });
  if (left.size > 0) throw new Error(`no place for ${[...left].join(", ")}`);
  return filled;
};
