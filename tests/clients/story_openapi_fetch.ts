// The story, with openapi-fetch on the types that openapi-typescript generates.

import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import createClient from 'openapi-fetch';
import type { components, paths } from './contract.js';

type Problem = components['schemas']['Problem'];
type GatewayMessage = components['schemas']['GatewayMessage'];

const [EVENT, ADA, BOB, CYD] = ['fetch-party', 'fetch-ada', 'fetch-bob', 'fetch-cyd'] as const;

const clientOf = (url: string) => createClient<paths>({ baseUrl: url });
type Client = ReturnType<typeof clientOf>;

const register = (client: Client, userId: string) =>
  client.POST('/events/{eventId}/registrations', { params: { path: { eventId: EVENT } }, body: { userId } });

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

async function main(client: Client): Promise<void> {
  const event = await client.POST('/events', {
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
    strictEqual((await client.POST('/users', { body: { userId, name: 'Somebody' } })).data?.userId, userId);
  }

  strictEqual((await register(client, ADA)).data?.status, 'confirmed');
  strictEqual((await register(client, BOB)).data?.waitlistPosition, 1);
  strictEqual((await register(client, CYD)).data?.waitlistPosition, 2);

  const refusal = problem((await register(client, ADA)).error);
  strictEqual(refusal.type, 'urn:problem-type:events-api:already-registered');
  strictEqual(refusal.registration?.status, 'confirmed');

  const mistake = problem((await client.GET('/events', { params: { query: { cursor: 'nonsense' } } })).error);
  strictEqual(mistake.type, 'urn:problem-type:events-api:invalid-request');
  deepStrictEqual(mistake.errors?.map((error) => error.parameter), ['cursor']);

  // @ts-expect-error - a misspelt field of a body is a type error; the service refuses it too.
  strictEqual((await client.POST('/users', { body: { nmae: 'Ada' } })).response.status, 422);
  // @ts-expect-error - so is a misspelt field of an answer.
  strictEqual(event.data.availabelSeats, undefined);

  const place = { eventId: EVENT, userId: ADA };
  const left = await client.DELETE('/events/{eventId}/registrations/{userId}', { params: { path: place } });
  strictEqual(left.response.status, 204);
  const promoted = await client.GET('/events/{eventId}/registrations/{userId}', {
    params: { path: { eventId: EVENT, userId: BOB } },
  });
  strictEqual(promoted.data?.status, 'confirmed');

  deepStrictEqual(await registered(client), [BOB, CYD]);
  ok((await eventIds(client)).includes(EVENT));
  const mine = await client.GET('/users/{userId}/registrations', { params: { path: { userId: CYD } } });
  deepStrictEqual(mine.data?.registrations.map((entry) => [entry.event.title, entry.waitlistPosition]), [['Party', 1]]);
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

await main(clientOf(process.argv[2] as string));
await useLaterVersion(clientOf(process.argv[3] as string));
