// The story, with the client that @hey-api/openapi-ts generates.

import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import * as api from './client/index.js';
import { createClient, createConfig, type Client } from './client/client/index.js';
import type { EventRegistrationInput, GatewayMessage, Problem, Registration } from './client/index.js';

// If one of these types were `any`, its IsAny would be `true`, and `false` a compiler error.
type IsAny<T> = 0 extends 1 & T ? true : false;
const typed: { problem: IsAny<Problem>; registration: IsAny<Registration>; answer: IsAny<Awaited<ReturnType<typeof register>>> } =
  { problem: false, registration: false, answer: false };

const [EVENT, ADA] = ['openapi_ts-party', 'openapi_ts-ada'] as const;
const [BOB, CYD] = ['openapi_ts-bob', 'openapi_ts-cyd'] as const;

const clientOf = (url: string) => createClient(createConfig({ baseUrl: url }));
// A person's token is in the environment.
const caller = (url: string, variable: string) =>
  createClient(createConfig({ baseUrl: url, auth: process.env[variable] }));

const register = (client: Client, body: EventRegistrationInput, key?: string) =>
  api.registerUser({ client, path: { eventId: EVENT }, headers: { 'Idempotency-Key': key }, body });

// Every answer of the service that is not a success is a problem; the gateway in front of it may send a message.
function problem(error: Problem | GatewayMessage | undefined): Problem {
  ok(error && 'type' in error);
  return error;
}

function message(error: Problem | GatewayMessage): string {
  return 'type' in error ? error.detail : error.message;
}

async function registered(client: Client): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await api.listEventRegistrations({
      client,
      path: { eventId: EVENT },
      query: { limit: 1, cursor },
    });
    if (error) throw new Error(message(error));
    found.push(...data.registrations.map((registration) => registration.userId));
    cursor = data.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function eventIds(client: Client): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await api.listEvents({ client, query: { limit: 1, cursor } });
    if (error) throw new Error(message(error));
    found.push(...data.events.map((event) => event.eventId));
    cursor = data.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function main(url: string): Promise<void> {
  const [olga, ada] = [caller(url, 'OLGA_TOKEN'), caller(url, 'ADA_TOKEN')];
  const [bob, cyd] = [caller(url, 'BOB_TOKEN'), caller(url, 'CYD_TOKEN')];
  const nobody = clientOf(url);
  const event = await api.createEvent({
    client: olga,
    body: {
      eventId: EVENT,
      title: 'Party',
      description: 'Cake',
      date: '2030-05-01',
      location: 'Roof',
      capacity: 1,
      organizer: 'Olga',
      hasWaitlist: true,
    },
  });
  strictEqual(event.data?.availableSeats, 1);
  // Ada and Bob leave out their ids, which are in their tokens; Olga creates Cyd, and registers him below.
  strictEqual((await api.createUser({ client: ada, body: { name: 'Ada' } })).data?.userId, ADA);
  strictEqual((await api.createUser({ client: bob, body: { name: 'Bob' } })).data?.userId, BOB);
  strictEqual((await api.createUser({ client: olga, body: { name: 'Cyd', userId: CYD } })).data?.userId, CYD);

  strictEqual((await register(ada, {})).data?.status, 'confirmed');
  strictEqual((await register(bob, { userId: BOB }, 'bob-1')).data?.waitlistPosition, 1);
  // Sent again with the same key, as if the answer had been lost, it finds what it made.
  strictEqual((await register(bob, { userId: BOB }, 'bob-1')).data?.waitlistPosition, 1);
  strictEqual((await register(olga, { userId: CYD })).data?.waitlistPosition, 2);

  const refusal = problem((await register(ada, {})).error);
  strictEqual(refusal.type, 'urn:problem-type:events-api:already-registered');
  strictEqual(refusal.registration?.status, 'confirmed');

  const mistake = problem((await api.listEvents({ client: nobody, query: { cursor: 'nonsense' } })).error);
  strictEqual(mistake.type, 'urn:problem-type:events-api:invalid-request');
  deepStrictEqual(mistake.errors?.map((error) => error.parameter), ['cursor']);

  const seat = { path: { eventId: EVENT, userId: ADA } };
  const unknown = await api.getRegistration({ client: nobody, ...seat });
  deepStrictEqual([unknown.response?.status, problem(unknown.error).type], [401, 'about:blank']);
  const forbidden = await api.getRegistration({ client: bob, ...seat });
  deepStrictEqual([forbidden.response?.status, problem(forbidden.error).type], [403, 'about:blank']);

  strictEqual((await api.unregisterUser({ client: ada, ...seat })).response?.status, 204);
  const promoted = await api.getRegistration({ client: bob, path: { eventId: EVENT, userId: BOB } });
  strictEqual(promoted.data?.status, 'confirmed');
  ok(promoted.data.promotedAt);

  deepStrictEqual(await registered(olga), [BOB, CYD]);
  const door = await api.listEventRegistrations({ client: olga, path: { eventId: EVENT }, query: { expand: 'user' } });
  deepStrictEqual(door.data?.registrations.map((entry) => entry.user?.name), ['Bob', 'Cyd']);
  ok((await eventIds(nobody)).includes(EVENT));
  const mine = await api.listUserRegistrations({ client: cyd, path: { userId: CYD } });
  deepStrictEqual(mine.data?.registrations.map((entry) => [entry.event.title, entry.waitlistPosition]), [['Party', 1]]);

  strictEqual((await api.deleteUser({ client: ada, path: { userId: ADA } })).response?.status, 204);
  strictEqual((await api.getUser({ client: ada, path: { userId: ADA } })).response?.status, 404);
  ok(!Object.values(typed).includes(true as never));
}

// Reads from a later version of the service, with fields and a problem type that this client does not know.
async function useLaterVersion(client: Client): Promise<void> {
  strictEqual((await api.getEvent({ client, path: { eventId: EVENT } })).data?.title, 'Party');
  const page = await api.listUserRegistrations({ client, path: { userId: CYD } });
  deepStrictEqual(page.data?.registrations.map((entry) => entry.event.eventId), [EVENT]);
  const refusal = problem((await api.getEvent({ client, path: { eventId: 'nothing' } })).error);
  strictEqual(refusal.type, 'https://example.com/problems#of-a-later-version');
  strictEqual(refusal.status, 404);
}

// Deletes the event with its registrations, as the organizer.
async function callOff(url: string): Promise<void> {
  const event = { client: caller(url, 'OLGA_TOKEN'), path: { eventId: EVENT } };
  const refusal = problem((await api.deleteEvent(event)).error);
  strictEqual(refusal.type, 'urn:problem-type:events-api:event-has-registrations');
  strictEqual((await api.deleteEvent({ ...event, query: { withRegistrations: true } })).response?.status, 204);
  const mine = await api.listUserRegistrations({ client: caller(url, 'CYD_TOKEN'), path: { userId: CYD } });
  deepStrictEqual(mine.data?.registrations, []);
}

await main(process.argv[2] as string);
await useLaterVersion(caller(process.argv[3] as string, 'CYD_TOKEN'));
await callOff(process.argv[2] as string);
