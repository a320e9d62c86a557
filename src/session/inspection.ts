import type { ActorRefLike, InspectionEvent, Snapshot } from 'xstate';

/** The shape of @statelyai/inspect 0.7, whose receivers read this. */
const PROTOCOL = '0.7.2';

interface Common {
  readonly _version: string;
  readonly rootId: string;
  readonly sessionId: string;
  /** Milliseconds since the epoch, as text. */
  readonly createdAt: string;
  readonly id: null;
}

/** What a developer's inspector is told of an actor: its states and the names of its events. */
export type Inspected =
  | (Common & {
      readonly type: '@xstate.actor';
      readonly name: string;
      readonly parentId?: string;
      /** The machine's configuration, JSON; of an actor that is no machine, its name. */
      readonly definition: string;
      readonly snapshot: InspectedSnapshot;
    })
  | (Common & {
      readonly type: '@xstate.event';
      readonly event: { readonly type: string };
      readonly sourceId?: string;
    })
  | (Common & {
      readonly type: '@xstate.snapshot';
      readonly event: { readonly type: string };
      readonly snapshot: InspectedSnapshot;
    });

interface InspectedSnapshot {
  readonly status: string;
  readonly value?: unknown;
  readonly context: Readonly<Record<string, unknown>>;
}

const TYPES = ['@xstate.actor', '@xstate.event', '@xstate.snapshot'] as const;
/** Facts that name nothing a caller wrote. All else of a context, and what events carry, stays here. */
const SHOWN = ['id', 'failMode', 'joined', 'gap', 'outcome'];

type ProtocolEvent = Extract<InspectionEvent, { type: Inspected['type'] }>;

function isOfTheProtocol(event: InspectionEvent): event is ProtocolEvent {
  return TYPES.some(type => type === event.type);
}

/** Undefined: steps within a step, which the protocol does not have. */
export function inspected(event: InspectionEvent, nowMs: number): Inspected | undefined {
  if (!isOfTheProtocol(event)) return undefined;
  const { actorRef, rootId } = event;
  const common = {
    _version: PROTOCOL,
    rootId,
    sessionId: actorRef.sessionId,
    createdAt: String(nowMs),
    id: null,
  };
  if (event.type === '@xstate.actor') {
    const parent = parentOf(actorRef);
    return {
      type: event.type,
      ...common,
      name: nameOf(actorRef),
      ...(parent === undefined ? {} : { parentId: parent }),
      definition: definitionOf(actorRef),
      // It is being made: it has none yet.
      snapshot: { status: 'active', context: {} },
    };
  }
  if (event.type === '@xstate.event') {
    const { sourceRef } = event;
    return {
      type: event.type,
      ...common,
      event: { type: event.event.type },
      ...(sourceRef === undefined ? {} : { sourceId: sourceRef.sessionId }),
    };
  }
  return { type: event.type, ...common, event: { type: event.event.type }, snapshot: shown(event.snapshot) };
}

function shown(snapshot: Snapshot<unknown>): InspectedSnapshot {
  const context = 'context' in snapshot ? snapshot.context : undefined;
  const facts = typeof context === 'object' && context !== null ? Object.entries(context) : [];
  return {
    status: snapshot.status,
    ...('value' in snapshot ? { value: snapshot.value } : {}),
    context: Object.fromEntries(facts.filter(([name]) => SHOWN.includes(name))),
  };
}

function parentOf(actor: ActorRefLike): string | undefined {
  const parent: unknown = '_parent' in actor ? actor._parent : undefined;
  if (typeof parent !== 'object' || parent === null || !('sessionId' in parent)) return undefined;
  return typeof parent.sessionId === 'string' ? parent.sessionId : undefined;
}

function nameOf(actor: ActorRefLike): string {
  return 'id' in actor && typeof actor.id === 'string' ? actor.id : actor.sessionId;
}

const definitions = new WeakMap<object, string>();

/** Written once for each machine. What is code in it is shown as its name. */
function definitionOf(actor: ActorRefLike): string {
  const logic: unknown = 'logic' in actor ? actor.logic : undefined;
  const config = typeof logic === 'object' && logic !== null && 'config' in logic ? logic.config : undefined;
  if (typeof config !== 'object' || config === null || !('states' in config))
    return JSON.stringify({ id: nameOf(actor) });
  const before = definitions.get(config);
  if (before !== undefined) return before;
  const text = JSON.stringify(config, (_key, value: unknown) =>
    typeof value === 'function' ? { type: value.name } : value,
  );
  definitions.set(config, text);
  return text;
}
