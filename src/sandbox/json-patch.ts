import { ApiFailure, badRequest } from './failure.ts';
import { equal, isList, isObject, type Json, type JsonObject, textAt } from './json.ts';

/** RFC 6902. @throws ApiFailure 400 for what is no patch, 422 where it does not apply */
export function jsonPatch(target: JsonObject, operations: Json): Json {
  if (!isList(operations)) throw badRequest('a JSON patch is a list of operations');
  return operations.reduce((document: Json, operation) => apply(document, operation), target);
}

function apply(document: Json, operation: Json): Json {
  const path = pointer(textAt(operation, 'path'));
  const value = isObject(operation) ? (operation['value'] ?? null) : null;
  switch (textAt(operation, 'op')) {
    case 'add':
      return edited(document, path, (holder, name) => inserted(holder, name, value));
    case 'replace':
      existing(document, path);
      return edited(document, path, (holder, name) => replaced(holder, name, value));
    case 'remove':
      existing(document, path);
      return edited(document, path, removed);
    case 'test':
      if (!equal(existing(document, path), value)) throw cannotApply('test failed');
      return document;
    case 'copy': {
      const copied = existing(document, pointer(textAt(operation, 'from')));
      return edited(document, path, (holder, name) => inserted(holder, name, copied));
    }
    case 'move': {
      const from = pointer(textAt(operation, 'from'));
      const moved = existing(document, from);
      return edited(edited(document, from, removed), path, (holder, name) => inserted(holder, name, moved));
    }
    default:
      throw badRequest('unknown operation in JSON patch');
  }
}

type Holder = JsonObject | readonly Json[];

/** A copy of the document in which the holder of the last step of the path has been exchanged. */
function edited(document: Json, path: readonly string[], edit: (holder: Holder, name: string) => Json): Json {
  const [name, ...rest] = path;
  if (name === undefined) throw cannotApply('the whole document cannot be exchanged');
  if (!isObject(document) && !isList(document)) throw cannotApply(`nothing is at ${name}`);
  if (rest.length === 0) return edit(document, name);
  const child = member(document, name);
  if (child === undefined) throw cannotApply(`nothing is at ${name}`);
  return replaced(document, name, edited(child, rest, edit));
}

function existing(document: Json, path: readonly string[]): Json {
  let current: Json | undefined = document;
  for (const name of path) {
    current = isObject(current) || isList(current) ? member(current, name) : undefined;
  }
  if (current === undefined) throw cannotApply(`nothing is at /${path.join('/')}`);
  return current;
}

function member(holder: Holder, name: string): Json | undefined {
  if (isList(holder)) return holder[indexOf(holder, name)];
  return Object.hasOwn(holder, name) ? holder[name] : undefined;
}

function inserted(holder: Holder, name: string, value: Json): Json {
  if (!isList(holder)) return { ...holder, [name]: value };
  return holder.toSpliced(name === '-' ? holder.length : indexOf(holder, name), 0, value);
}

function replaced(holder: Holder, name: string, value: Json): Json {
  return isList(holder) ? holder.with(indexOf(holder, name), value) : { ...holder, [name]: value };
}

function removed(holder: Holder, name: string): Json {
  return isList(holder) ? holder.toSpliced(indexOf(holder, name), 1) : { ...holder, [name]: undefined };
}

function indexOf(list: readonly Json[], name: string): number {
  if (!/^\d+$/.test(name) || Number(name) > list.length) throw cannotApply(`no element ${name}`);
  return Number(name);
}

function pointer(path: string | undefined): string[] {
  if (path === undefined || (path !== '' && !path.startsWith('/')))
    throw badRequest('bad path in JSON patch');
  return path
    .split('/')
    .slice(1)
    .map(name => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function cannotApply(problem: string): ApiFailure {
  return new ApiFailure(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: ${problem}`,
  );
}
