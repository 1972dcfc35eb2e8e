// The story, with the client that @hey-api/openapi-ts generates.

import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import * as api from './client/index.js';
import { client } from './client/client.gen.js';
import type { GatewayMessage, Problem, Registration } from './client/index.js';

// If one of these types were `any`, its IsAny would be `true`, and `false` a compiler error.
type IsAny<T> = 0 extends 1 & T ? true : false;
const typed: { problem: IsAny<Problem>; registration: IsAny<Registration>; answer: IsAny<Awaited<ReturnType<typeof register>>> } =
  { problem: false, registration: false, answer: false };

const [EVENT, ADA, BOB, CYD] = ['hey-party', 'hey-ada', 'hey-bob', 'hey-cyd'] as const;

const register = (userId: string) => api.registerUser({ path: { eventId: EVENT }, body: { userId } });

// Every answer of the service that is not a success is a problem; the gateway in front of it may send a message.
function problem(error: Problem | GatewayMessage | undefined): Problem {
  ok(error && 'type' in error);
  return error;
}

function message(error: Problem | GatewayMessage): string {
  return 'type' in error ? error.detail : error.message;
}

async function registered(): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await api.listEventRegistrations({ path: { eventId: EVENT }, query: { limit: 1, cursor } });
    if (error) throw new Error(message(error));
    found.push(...data.registrations.map((registration) => registration.userId));
    cursor = data.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function eventIds(): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await api.listEvents({ query: { limit: 1, cursor } });
    if (error) throw new Error(message(error));
    found.push(...data.events.map((event) => event.eventId));
    cursor = data.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function main(url: string): Promise<void> {
  client.setConfig({ baseUrl: url });
  const event = await api.createEvent({
    body: {
      eventId: EVENT,
      title: 'Party',
      description: 'Cake',
      date: '2030-05-01',
      location: 'Roof',
      capacity: 1,
      organizer: 'Ada',
      hasWaitlist: true,
    },
  });
  strictEqual(event.data?.availableSeats, 1);
  for (const userId of [ADA, BOB, CYD]) {
    strictEqual((await api.createUser({ body: { userId, name: 'Somebody' } })).data?.userId, userId);
  }

  strictEqual((await register(ADA)).data?.status, 'confirmed');
  strictEqual((await register(BOB)).data?.waitlistPosition, 1);
  strictEqual((await register(CYD)).data?.waitlistPosition, 2);

  const refusal = problem((await register(ADA)).error);
  strictEqual(refusal.type, 'urn:problem-type:events-api:already-registered');
  strictEqual(refusal.registration?.status, 'confirmed');

  const mistake = problem((await api.listEvents({ query: { cursor: 'nonsense' } })).error);
  strictEqual(mistake.type, 'urn:problem-type:events-api:invalid-request');
  deepStrictEqual(mistake.errors?.map((error) => error.parameter), ['cursor']);

  strictEqual((await api.unregisterUser({ path: { eventId: EVENT, userId: ADA } })).response?.status, 204);
  const promoted = await api.getRegistration({ path: { eventId: EVENT, userId: BOB } });
  strictEqual(promoted.data?.status, 'confirmed');

  deepStrictEqual(await registered(), [BOB, CYD]);
  ok((await eventIds()).includes(EVENT));
  const mine = await api.listUserRegistrations({ path: { userId: CYD } });
  deepStrictEqual(mine.data?.registrations.map((entry) => [entry.event.title, entry.waitlistPosition]), [['Party', 1]]);
  ok(!Object.values(typed).includes(true as never));
}

// Reads from a later version of the service, with fields and a problem type that this client does not know.
async function useLaterVersion(url: string): Promise<void> {
  client.setConfig({ baseUrl: url });
  strictEqual((await api.getEvent({ path: { eventId: EVENT } })).data?.title, 'Party');
  const page = await api.listUserRegistrations({ path: { userId: CYD } });
  deepStrictEqual(page.data?.registrations.map((entry) => entry.event.eventId), [EVENT]);
  const refusal = problem((await api.getEvent({ path: { eventId: 'nothing' } })).error);
  strictEqual(refusal.type, 'https://example.com/problems#of-a-later-version');
  strictEqual(refusal.status, 404);
}

await main(process.argv[2] as string);
await useLaterVersion(process.argv[3] as string);
