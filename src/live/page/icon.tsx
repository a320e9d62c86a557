import type { IconName, Look } from './look.ts';

/** In a box of 16 by 16; each shape is told from the others without its colour. */
const PATHS: Readonly<Record<IconName, string>> = {
  dot: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13zm0 1.6a4.9 4.9 0 1 1 0 9.8a4.9 4.9 0 1 1 0-9.8zM8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6z',
  ring: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13zm0 1.6a4.9 4.9 0 1 1 0 9.8a4.9 4.9 0 1 1 0-9.8z',
  triangle: 'M8 1L15.5 14.5H.5zM7.1 5.5v4.8h1.8V5.5zm0 5.9v1.7h1.8v-1.7z',
  octagon:
    'M5 1h6l4 4v6l-4 4H5l-4-4V5zm.4 3.2L4.2 5.4 6.8 8l-2.6 2.6 1.2 1.2L8 9.2l2.6 2.6 1.2-1.2L9.2 8l2.6-2.6-1.2-1.2L8 6.8z',
  check: 'M13.3 2.6L6.2 9.9 2.8 6.6 1 8.4l5.2 5.2L15.1 4.4z',
  cross: 'M3.2 1.4L8 6.2l4.8-4.8 1.8 1.8L9.8 8l4.8 4.8-1.8 1.8L8 9.8l-4.8 4.8-1.8-1.8L6.2 8 1.4 3.2z',
  square: 'M2.5 2.5h11v11h-11z',
  arrow: 'M9 2l6 6-6 6v-4H1V6h8z',
  dots: 'M3 6.2a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 1 0 0-3.6zm5 0a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 1 0 0-3.6zm5 0a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 1 0 0-3.6z',
};

/** In a chart, with a place; elsewhere, the size of the text. */
export function Icon({ name, x, y, size }: { name: IconName; x?: number; y?: number; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" x={x} y={y} width={size} height={size} aria-hidden="true">
      <path d={PATHS[name]} fill-rule="evenodd" />
    </svg>
  );
}

export function Badge({ look, strong = false }: { look: Look; strong?: boolean }) {
  return (
    <span class={`badge ${look.tone}${strong ? ' strong' : ''}`}>
      <Icon name={look.icon} />
      {look.says}
    </span>
  );
}
