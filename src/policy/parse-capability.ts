import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { WitnessError } from '../errors.ts';
import type { CapabilityRule } from './rules.ts';

/** Tailscale's control server writes addresses as Go's `netip.AddrPort`: never a name, always a port. */
const addressPort = z.string().refine(isAddressPort, 'not an address as ip:port or [ipv6]:port');

/** Go reads null as the zero value of a field. */
const orNothing = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();

const impersonateSchema = foldedObject({ groups: orNothing(z.array(z.string())) });

const ruleSchema = foldedObject({
  impersonate: orNothing(impersonateSchema),
  recorder: orNothing(z.array(z.string())),
  recorderaddrs: orNothing(z.array(addressPort)),
  enforcerecorder: orNothing(z.boolean()),
  enableevents: orNothing(z.boolean()),
  // Ours alone: the reference knows no such key and passes it over.
  unrecordable: orNothing(z.enum(['deny', 'audit'])),
});

/**
 * Reads one value of the capability `tailscale.com/cap/kubernetes`. Keys that are not known are passed over. Throws
 * KW_RULES_UNREADABLE for anything that cannot be read: a rule that nobody understands must not count as no rule.
 */
export function parseCapability(value: unknown, origin: string): CapabilityRule {
  const parsed = ruleSchema.safeParse(value);
  if (!parsed.success) {
    const where = parsed.error.issues
      .map(issue => `${[origin, ...issue.path.map(String)].join('.')}: ${issue.message}`)
      .join('; ');
    throw new WitnessError('KW_RULES_UNREADABLE', `your grant cannot be read: ${where}`);
  }
  const rule = parsed.data;
  return {
    origin,
    impersonateGroups: rule.impersonate?.groups ?? [],
    recorderAddrs: rule.recorderaddrs ?? [],
    enforceRecorder: rule.enforcerecorder ?? false,
    enableEvents: rule.enableevents ?? false,
    ...(rule.unrecordable == null ? {} : { unrecordable: rule.unrecordable }),
  };
}

/**
 * Go's JSON matches keys without regard to case, so `EnforceRecorder` enforces there: here too. The shape's keys are
 * lower-case. Two spellings of one key are refused, since which of them counts would be chance.
 */
function foldedObject<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z
    .record(z.string(), z.unknown())
    .transform((fields, context) => {
      const folded = new Map<string, unknown>();
      for (const [key, field] of Object.entries(fields)) {
        // By way of upper case: Unicode's simple folding, as Go has it, takes U+017F for an s and U+212A for a k.
        const name = key.toUpperCase().toLowerCase();
        if (!Object.hasOwn(shape, name)) continue;
        if (folded.has(name)) context.addIssue({ code: 'custom', message: `the key ${name} is there twice` });
        folded.set(name, field);
      }
      return Object.fromEntries(folded);
    })
    .pipe(z.object(shape));
}

function isAddressPort(text: string): boolean {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]+)):([1-9][0-9]{0,4})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return false;
  return match[1] === undefined ? isIPv4(match[2] ?? '') : isIPv6(match[1]);
}
