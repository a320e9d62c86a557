import type { Shape } from './chart-drawing.ts';
import { drawChart } from './chart-drawing.ts';
import type { ChartLayout } from './chart-layout.ts';

/** Readable on white and on black paper. */
const STYLE = `
text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1c2733}
.name{font-weight:600;font-size:13px}.event{font-size:11px;fill:#4c5a68}
.frame{fill:#fff;stroke:#5b6b7b;stroke-width:1.25}.inner{fill:none;stroke:#5b6b7b}
.compound>.frame{fill:#f3f6f9}.line{fill:none;stroke:#8795a3;stroke-width:1.25}.head{fill:#8795a3}
@media(prefers-color-scheme:dark){text{fill:#e6ecf2}.event{fill:#a9b6c3}.frame{fill:#1d2630;stroke:#8a99a8}
.inner{stroke:#8a99a8}.compound>.frame{fill:#151c24}.line{stroke:#6d7c8b}.head{fill:#6d7c8b}}`;

/** The chart as an SVG file of its own. */
export function chartSvg(layout: ChartLayout, title: string): string {
  const { width, height } = layout;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    ...drawChart(layout).map(textOf),
    '</svg>',
    '',
  ].join('\n');
}

function textOf({ tag, attributes, children }: Shape): string {
  const given = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(String(value))}"`);
  return `<${tag}${given.join('')}>${children.map(child => (typeof child === 'string' ? escaped(child) : textOf(child))).join('')}</${tag}>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
}
