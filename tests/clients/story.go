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
	party = "openapi_generator_go-party"
	ada   = "openapi_generator_go-ada"
	bob   = "openapi_generator_go-bob"
	cyd   = "openapi_generator_go-cyd"
)

// A token is passed in the context of a call, so that one client serves everybody.
var (
	nobody = context.Background()
	asAda  = as("ADA_TOKEN")
	asBob  = as("BOB_TOKEN")
	asCyd  = as("CYD_TOKEN")
	asOlga = as("OLGA_TOKEN")
)

func main() {
	tell(clientOf(os.Args[1]))
	useLaterVersion(clientOf(os.Args[2]))
	callOff(clientOf(os.Args[1]))
}

// as returns the context of a person, whose token is in the environment.
func as(variable string) context.Context {
	return context.WithValue(context.Background(), eventsapi.ContextAccessToken, os.Getenv(variable))
}

func clientOf(url string) *eventsapi.APIClient {
	configuration := eventsapi.NewConfiguration()
	configuration.Servers = eventsapi.ServerConfigurations{{URL: url}}
	return eventsapi.NewAPIClient(configuration)
}

// tell fills an event, joins its queue, unregisters, and checks the promotion, as an organizer, three people and
// nobody.
func tell(client *eventsapi.APIClient) {
	input := eventsapi.NewEventInput("Party", "Cake", "2030-05-01", "Roof", 1, "Ada")
	input.SetEventId(party)
	input.SetHasWaitlist(true)
	event := must(client.EventsAPI.CreateEvent(asOlga).EventInput(*input).Execute())
	equal(event.AvailableSeats, int32(1))
	// Ada and Bob leave out their ids, which are in their tokens; Olga creates Cyd, and registers him below.
	equal(create(asAda, client, eventsapi.UserInput{Name: "Ada"}), ada)
	equal(create(asBob, client, eventsapi.UserInput{Name: "Bob"}), bob)
	equal(create(asOlga, client, eventsapi.UserInput{Name: "Cyd", UserId: eventsapi.PtrString(cyd)}), cyd)

	registration := must(register(asAda, client, eventsapi.EventRegistrationInput{}))
	equal(registration.Status, eventsapi.CONFIRMED)
	equal(registration.HasWaitlistPosition(), false)
	request := client.RegistrationsAPI.RegisterUser(asBob, party).IdempotencyKey("bob-1")
	request = request.EventRegistrationInput(eventsapi.EventRegistrationInput{UserId: eventsapi.PtrString(bob)})
	// Sent again with the same key, as if the answer had been lost, it finds what it made.
	for attempt := 0; attempt < 2; attempt++ {
		registration = must(request.Execute())
		equal(registration.Status, eventsapi.WAITLISTED)
		equal(registration.GetWaitlistPosition(), int32(1))
	}
	registration = must(register(asOlga, client, eventsapi.EventRegistrationInput{UserId: eventsapi.PtrString(cyd)}))
	equal(registration.Status, eventsapi.WAITLISTED)
	equal(registration.GetWaitlistPosition(), int32(2))

	_, response, err := register(asAda, client, eventsapi.EventRegistrationInput{})
	refusal := problem(err)
	equal(response.StatusCode, http.StatusConflict)
	equal(refusal.Type, "urn:problem-type:events-api:already-registered")
	equal(refusal.Registration.Status, eventsapi.CONFIRMED)

	_, response, err = client.EventsAPI.ListEvents(nobody).Cursor("nonsense").Execute()
	mistake := problem(err)
	equal(response.StatusCode, http.StatusUnprocessableEntity)
	equal(mistake.Type, "urn:problem-type:events-api:invalid-request")
	equal(len(mistake.Errors), 1)
	equal(mistake.Errors[0].GetParameter(), "cursor")

	_, response, err = client.UsersAPI.GetUser(nobody, ada).Execute()
	unknown := problem(err)
	equal(response.StatusCode, http.StatusUnauthorized)
	equal(unknown.Type, "about:blank")
	_, response, err = client.RegistrationsAPI.GetRegistration(asBob, party, ada).Execute()
	forbidden := problem(err)
	equal(response.StatusCode, http.StatusForbidden)
	equal(forbidden.Type, "about:blank")

	if _, err := client.RegistrationsAPI.UnregisterUser(asAda, party, ada).Execute(); err != nil {
		log.Panic(err)
	}
	promoted := must(client.RegistrationsAPI.GetRegistration(asBob, party, bob).Execute())
	equal(promoted.Status, eventsapi.CONFIRMED)
	equal(promoted.HasPromotedAt(), true)

	equal(registered(client), []string{bob, cyd})
	door := must(client.RegistrationsAPI.ListEventRegistrations(asOlga, party).Expand("user").Execute()).Registrations
	equal(len(door), 2)
	equal(door[0].User.Name, "Bob")
	equal(events(client)[party], true)
	mine := must(client.RegistrationsAPI.ListUserRegistrations(asCyd, cyd).Execute()).Registrations
	equal(len(mine), 1)
	equal(mine[0].Event.Title, "Party")
	equal(mine[0].GetWaitlistPosition(), int32(1))

	if _, err := client.UsersAPI.DeleteUser(asAda, ada).Execute(); err != nil {
		log.Panic(err)
	}
	_, response, err = client.UsersAPI.GetUser(asAda, ada).Execute()
	equal(problem(err).Status, int32(http.StatusNotFound))
	equal(response.StatusCode, http.StatusNotFound)
}

// useLaterVersion reads from a later version of the service, with fields and a problem type that this client does not
// know.
func useLaterVersion(client *eventsapi.APIClient) {
	equal(must(client.EventsAPI.GetEvent(nobody, party).Execute()).Title, "Party")
	page := must(client.RegistrationsAPI.ListUserRegistrations(asCyd, cyd).Execute())
	equal(len(page.Registrations), 1)
	equal(page.Registrations[0].Event.EventId, party)
	_, _, err := client.EventsAPI.GetEvent(nobody, "nothing").Execute()
	refusal := problem(err)
	equal(refusal.Type, "https://example.com/problems#of-a-later-version")
	equal(refusal.Status, int32(http.StatusNotFound))
}

// callOff deletes the event with its registrations, as the organizer.
func callOff(client *eventsapi.APIClient) {
	_, err := client.EventsAPI.DeleteEvent(asOlga, party).Execute()
	equal(problem(err).Type, "urn:problem-type:events-api:event-has-registrations")
	if _, err := client.EventsAPI.DeleteEvent(asOlga, party).WithRegistrations(true).Execute(); err != nil {
		log.Panic(err)
	}
	equal(len(must(client.RegistrationsAPI.ListUserRegistrations(asCyd, cyd).Execute()).Registrations), 0)
}

func create(ctx context.Context, client *eventsapi.APIClient, user eventsapi.UserInput) string {
	return must(client.UsersAPI.CreateUser(ctx).UserInput(user).Execute()).UserId
}

func register(ctx context.Context, client *eventsapi.APIClient, user eventsapi.EventRegistrationInput) (*eventsapi.Registration, *http.Response, error) {
	return client.RegistrationsAPI.RegisterUser(ctx, party).EventRegistrationInput(user).Execute()
}

// registered returns the ids of the registered users, from all pages.
func registered(client *eventsapi.APIClient) (ids []string) {
	request := client.RegistrationsAPI.ListEventRegistrations(asOlga, party).Limit(1)
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
func events(client *eventsapi.APIClient) map[string]bool {
	ids := map[string]bool{}
	request := client.EventsAPI.ListEvents(nobody).Limit(1)
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
