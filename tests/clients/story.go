// The story, with the Go client that openapi-generator generates.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"reflect"

	"story/eventsapi"
)

const (
	party = "go-party"
	ada   = "go-ada"
	bob   = "go-bob"
	cyd   = "go-cyd"
)

func main() {
	ctx := context.Background()
	tell(ctx, clientOf(os.Args[1]))
	useLaterVersion(ctx, clientOf(os.Args[2]))
}

func clientOf(url string) *eventsapi.APIClient {
	configuration := eventsapi.NewConfiguration()
	configuration.Servers = eventsapi.ServerConfigurations{{URL: url}}
	return eventsapi.NewAPIClient(configuration)
}

// tell fills an event, joins its queue, unregisters, and checks the promotion.
func tell(ctx context.Context, client *eventsapi.APIClient) {
	input := eventsapi.NewEventInput("Party", "Cake", "2030-05-01", "Roof", 1, "Ada")
	input.SetEventId(party)
	input.SetHasWaitlist(true)
	event := must(client.EventsAPI.CreateEvent(ctx).EventInput(*input).Execute())
	equal(event.AvailableSeats, int32(1))
	for _, id := range []string{ada, bob, cyd} {
		user := eventsapi.UserInput{UserId: &id, Name: "Somebody"}
		equal(must(client.UsersAPI.CreateUser(ctx).UserInput(user).Execute()).UserId, id)
	}

	registration := must(register(ctx, client, ada))
	equal(registration.Status, eventsapi.CONFIRMED)
	equal(registration.HasWaitlistPosition(), false)
	for position, id := range []string{bob, cyd} {
		registration = must(register(ctx, client, id))
		equal(registration.Status, eventsapi.WAITLISTED)
		equal(registration.GetWaitlistPosition(), int32(position+1))
	}

	_, response, err := register(ctx, client, ada)
	refusal := problem(err)
	equal(response.StatusCode, http.StatusConflict)
	equal(refusal.Type, "urn:problem-type:events-api:already-registered")
	equal(refusal.Registration.Status, eventsapi.CONFIRMED)

	_, response, err = client.EventsAPI.ListEvents(ctx).Cursor("nonsense").Execute()
	mistake := problem(err)
	equal(response.StatusCode, http.StatusUnprocessableEntity)
	equal(mistake.Type, "urn:problem-type:events-api:invalid-request")
	equal(len(mistake.Errors), 1)
	equal(mistake.Errors[0].GetParameter(), "cursor")

	if _, err := client.RegistrationsAPI.UnregisterUser(ctx, party, ada).Execute(); err != nil {
		log.Panic(err)
	}
	equal(must(client.RegistrationsAPI.GetRegistration(ctx, party, bob).Execute()).Status, eventsapi.CONFIRMED)

	equal(registered(ctx, client), []string{bob, cyd})
	equal(events(ctx, client)[party], true)
	mine := must(client.RegistrationsAPI.ListUserRegistrations(ctx, cyd).Execute()).Registrations
	equal(len(mine), 1)
	equal(mine[0].Event.Title, "Party")
	equal(mine[0].GetWaitlistPosition(), int32(1))
}

// useLaterVersion reads from a later version of the service, with fields and a problem type that this client does not
// know.
func useLaterVersion(ctx context.Context, client *eventsapi.APIClient) {
	equal(must(client.EventsAPI.GetEvent(ctx, party).Execute()).Title, "Party")
	page := must(client.RegistrationsAPI.ListUserRegistrations(ctx, cyd).Execute())
	equal(len(page.Registrations), 1)
	equal(page.Registrations[0].Event.EventId, party)
	_, _, err := client.EventsAPI.GetEvent(ctx, "nothing").Execute()
	refusal := problem(err)
	equal(refusal.Type, "https://example.com/problems#of-a-later-version")
	equal(refusal.Status, int32(http.StatusNotFound))
}

func register(ctx context.Context, client *eventsapi.APIClient, id string) (*eventsapi.Registration, *http.Response, error) {
	input := eventsapi.EventRegistrationInput{UserId: id}
	return client.RegistrationsAPI.RegisterUser(ctx, party).EventRegistrationInput(input).Execute()
}

// registered returns the ids of the registered users, from all pages.
func registered(ctx context.Context, client *eventsapi.APIClient) (ids []string) {
	request := client.RegistrationsAPI.ListEventRegistrations(ctx, party).Limit(1)
	page := must(request.Execute())
	for {
		for _, registration := range page.Registrations {
			ids = append(ids, registration.UserId)
		}
		if !page.HasNextCursor() {
			return ids
		}
		page = must(request.Cursor(page.GetNextCursor()).Execute())
	}
}

// events returns the set of the ids of the events, from all pages.
func events(ctx context.Context, client *eventsapi.APIClient) map[string]bool {
	ids := map[string]bool{}
	request := client.EventsAPI.ListEvents(ctx).Limit(1)
	page := must(request.Execute())
	for {
		for _, event := range page.Events {
			ids[event.EventId] = true
		}
		if !page.HasNextCursor() {
			return ids
		}
		page = must(request.Cursor(page.GetNextCursor()).Execute())
	}
}

// problem returns the problem document of a refusal.
func problem(err error) eventsapi.Problem {
	var refusal *eventsapi.GenericOpenAPIError
	if !errors.As(err, &refusal) {
		log.Panicf("not refused: %v", err)
	}
	document, ok := refusal.Model().(eventsapi.Problem)
	if !ok {
		log.Panicf("not a problem document: %s", refusal.Body())
	}
	return document
}

func must[T any](answer *T, _ *http.Response, err error) *T {
	if err != nil {
		log.Panic(err)
	}
	return answer
}

func equal[T any](got, want T) {
	if !reflect.DeepEqual(got, want) {
		log.Panicf("got %v, want %v", got, want)
	}
}
