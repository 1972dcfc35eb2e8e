// The story, with openapi-fetch on the types that openapi-typescript generates.

import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import createClient from 'openapi-fetch';
import type { components, paths } from './contract.js';

type Problem = components['schemas']['Problem'];
type GatewayMessage = components['schemas']['GatewayMessage'];

const [EVENT, ADA] = ['openapi_fetch-party', 'openapi_fetch-ada'] as const;
const [BOB, CYD] = ['openapi_fetch-bob', 'openapi_fetch-cyd'] as const;

const clientOf = (url: string, headers = {}) => createClient<paths>({ baseUrl: url, headers });
// A person's token is in the environment.
const caller = (url: string, variable: string) => clientOf(url, { Authorization: `Bearer ${process.env[variable]}` });
type Client = ReturnType<typeof clientOf>;

const register = (client: Client, body: components['schemas']['EventRegistrationInput'], key?: string) =>
  client.POST('/events/{eventId}/registrations', {
    params: { path: { eventId: EVENT }, header: { 'Idempotency-Key': key } },
    body,
  });

// Every answer of the service that is not a success is a problem; the gateway in front of it may send a message.
function problem(error: Problem | GatewayMessage | undefined): Problem {
  ok(error && 'type' in error);
  return error;
}

async function registered(client: Client): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await client.GET('/events/{eventId}/registrations', {
      params: { path: { eventId: EVENT }, query: { limit: 1, cursor } },
    });
    ok(data);
    found.push(...data.registrations.map((registration) => registration.userId));
    cursor = data.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function eventIds(client: Client): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await client.GET('/events', { params: { query: { limit: 1, cursor } } });
    ok(data);
    found.push(...data.events.map((event) => event.eventId));
    cursor = data.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function main(url: string): Promise<void> {
  const [olga, ada] = [caller(url, 'OLGA_TOKEN'), caller(url, 'ADA_TOKEN')];
  const [bob, cyd] = [caller(url, 'BOB_TOKEN'), caller(url, 'CYD_TOKEN')];
  const nobody = clientOf(url);
  const event = await olga.POST('/events', {
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
  strictEqual((await ada.POST('/users', { body: { name: 'Ada' } })).data?.userId, ADA);
  strictEqual((await bob.POST('/users', { body: { name: 'Bob' } })).data?.userId, BOB);
  strictEqual((await olga.POST('/users', { body: { name: 'Cyd', userId: CYD } })).data?.userId, CYD);

  strictEqual((await register(ada, {})).data?.status, 'confirmed');
  strictEqual((await register(bob, { userId: BOB }, 'bob-1')).data?.waitlistPosition, 1);
  // Sent again with the same key, as if the answer had been lost, it finds what it made.
  strictEqual((await register(bob, { userId: BOB }, 'bob-1')).data?.waitlistPosition, 1);
  strictEqual((await register(olga, { userId: CYD })).data?.waitlistPosition, 2);

  const refusal = problem((await register(ada, {})).error);
  strictEqual(refusal.type, 'urn:problem-type:events-api:already-registered');
  strictEqual(refusal.registration?.status, 'confirmed');

  const mistake = problem((await nobody.GET('/events', { params: { query: { cursor: 'nonsense' } } })).error);
  strictEqual(mistake.type, 'urn:problem-type:events-api:invalid-request');
  deepStrictEqual(mistake.errors?.map((error) => error.parameter), ['cursor']);

  // @ts-expect-error - a misspelt field of a body is a type error; the service refuses it too.
  strictEqual((await ada.POST('/users', { body: { nmae: 'Ada' } })).response.status, 422);
  // @ts-expect-error - so is a misspelt field of an answer.
  strictEqual(event.data.availabelSeats, undefined);

  const seat = { params: { path: { eventId: EVENT, userId: ADA } } };
  const unknown = await nobody.GET('/events/{eventId}/registrations/{userId}', seat);
  deepStrictEqual([unknown.response.status, problem(unknown.error).type], [401, 'about:blank']);
  const forbidden = await bob.GET('/events/{eventId}/registrations/{userId}', seat);
  deepStrictEqual([forbidden.response.status, problem(forbidden.error).type], [403, 'about:blank']);

  strictEqual((await ada.DELETE('/events/{eventId}/registrations/{userId}', seat)).response.status, 204);
  const promoted = await bob.GET('/events/{eventId}/registrations/{userId}', {
    params: { path: { eventId: EVENT, userId: BOB } },
  });
  strictEqual(promoted.data?.status, 'confirmed');
  ok(promoted.data.promotedAt);

  deepStrictEqual(await registered(olga), [BOB, CYD]);
  const atTheDoor = await olga.GET('/events/{eventId}/registrations', {
    params: { path: { eventId: EVENT }, query: { expand: 'user' } },
  });
  deepStrictEqual(atTheDoor.data?.registrations.map((entry) => entry.user?.name), ['Bob', 'Cyd']);
  ok((await eventIds(nobody)).includes(EVENT));
  const mine = await cyd.GET('/users/{userId}/registrations', { params: { path: { userId: CYD } } });
  deepStrictEqual(mine.data?.registrations.map((entry) => [entry.event.title, entry.waitlistPosition]), [['Party', 1]]);

  const herself = { params: { path: { userId: ADA } } };
  strictEqual((await ada.DELETE('/users/{userId}', herself)).response.status, 204);
  strictEqual((await ada.GET('/users/{userId}', herself)).response.status, 404);
}

// Reads from a later version of the service, with fields and a problem type that this client does not know.
async function useLaterVersion(client: Client): Promise<void> {
  const event = await client.GET('/events/{eventId}', { params: { path: { eventId: EVENT } } });
  strictEqual(event.data?.title, 'Party');
  const page = await client.GET('/users/{userId}/registrations', { params: { path: { userId: CYD } } });
  deepStrictEqual(page.data?.registrations.map((entry) => entry.event.eventId), [EVENT]);
  const missing = await client.GET('/events/{eventId}', { params: { path: { eventId: 'nothing' } } });
  const refusal = problem(missing.error);
  strictEqual(refusal.type, 'https://example.com/problems#of-a-later-version');
  strictEqual(refusal.status, 404);
}

// Deletes the event with its registrations, as the organizer.
async function callOff(url: string): Promise<void> {
  const [olga, cyd] = [caller(url, 'OLGA_TOKEN'), caller(url, 'CYD_TOKEN')];
  const path = { eventId: EVENT };
  const refusal = problem((await olga.DELETE('/events/{eventId}', { params: { path } })).error);
  strictEqual(refusal.type, 'urn:problem-type:events-api:event-has-registrations');
  const everything = { params: { path, query: { withRegistrations: true } } };
  strictEqual((await olga.DELETE('/events/{eventId}', everything)).response.status, 204);
  const mine = await cyd.GET('/users/{userId}/registrations', { params: { path: { userId: CYD } } });
  deepStrictEqual(mine.data?.registrations, []);
}

await main(process.argv[2] as string);
await useLaterVersion(caller(process.argv[3] as string, 'CYD_TOKEN'));
await callOff(process.argv[2] as string);
