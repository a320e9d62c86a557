import { configJsonSchema } from '../../src/config/schema.ts';

/** One row per field of the configuration, from the schema that checks it. */
export function configTable(): string {
  return ['| field | type | default | meaning |', '|---|---|---|---|', ...rows(configJsonSchema(), '')].join(
    '\n',
  );
}

function rows(schema: object, path: string): string[] {
  const properties = at(schema, 'properties');
  const required = at(schema, 'required');
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties).flatMap(([name, field]: [string, unknown]) => {
    if (typeof field !== 'object' || field === null) return [];
    const here = path === '' ? name : `${path}.${name}`;
    const needed = Array.isArray(required) && required.includes(name);
    const items = at(field, 'items');
    const row = `| \`${here}\` | ${typeOf(field)} | ${defaultOf(field, needed)} | ${String(at(field, 'description') ?? '')} |`;
    const nested = typeof items === 'object' && items !== null ? rows(items, `${here}[]`) : rows(field, here);
    return [row, ...nested];
  });
}

function typeOf(field: object): string {
  const values = at(field, 'enum');
  if (Array.isArray(values)) return values.map(value => `\`${String(value)}\``).join(', ');
  const choices = at(field, 'anyOf');
  if (Array.isArray(choices)) return choices.map(typeOf).join(', ');
  const fixed = at(field, 'const');
  if (fixed !== undefined) return `\`${String(fixed)}\``;
  return String(at(field, 'type') ?? '');
}

function defaultOf(field: object, needed: boolean): string {
  const value = at(field, 'default');
  if (value === undefined || typeof value === 'object') return needed ? 'required' : '–';
  return `\`${String(value)}\``;
}

function at(value: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
