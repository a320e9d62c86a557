/**
 * The few answers of S3 that are read here hold flat text elements, so no parser of XML is needed. Undefined when there
 * is no such element.
 */
export function xmlValue(xml: string, element: string): string | undefined {
  return xmlValues(xml, element)[0];
}

export function xmlValues(xml: string, element: string): string[] {
  const found = xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'));
  return [...found].map(match => unescapeXml(match[1] ?? ''));
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function unescapeXml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
