"""Sessions in curl with the expected answers: every endpoint once, a queue and a promotion; and who may do what."""

JSON = "-H 'Content-Type: application/json'"

STORY = [
    # A command, its status, and a pattern that the body matches.
    (
        f"""curl -X POST $URL/events {JSON} -d '{{
            "eventId": "tech-conf-2024",
            "title": "Tech Conference 2024",
            "description": "Annual technology conference",
            "date": "2024-12-15",
            "location": "San Francisco, CA",
            "capacity": 100,
            "organizer": "Tech Corp",
            "status": "active",
            "hasWaitlist": true
          }}'""",
        201,
        '"availableSeats":100',
    ),
    ("curl $URL/events", 200, '"tech-conf-2024"'),
    ("curl '$URL/events?status=active'", 200, '"tech-conf-2024"'),
    ("curl $URL/events/tech-conf-2024", 200, '"Tech Conference 2024"'),
    (f"""curl -X POST $URL/users {JSON} -d '{{"userId": "user-123", "name": "John Doe"}}'""", 201, '"John Doe"'),
    ("curl $URL/users/user-123", 200, '"John Doe"'),
    (
        f"""curl -X POST $URL/registrations {JSON} -d '{{"userId": "user-123", "eventId": "tech-conf-2024"}}'""",
        201,
        '"confirmed"',
    ),
    (
        f"""curl -X POST $URL/events/tech-conf-2024/registrations {JSON} -d '{{"userId": "user-123"}}'""",
        409,
        "already-registered",
    ),
    ("curl $URL/events/tech-conf-2024/registrations", 200, '"user-123"'),
    ("curl $URL/users/user-123/registrations", 200, '"San Francisco, CA"'),
    ("curl -X DELETE $URL/events/tech-conf-2024/registrations/user-123", 204, "^$"),
    (
        f"""curl -X POST $URL/events/tech-conf-2024/registrations {JSON} -d '{{"userId": "user-123"}}'""",
        201,
        '"confirmed"',
    ),
    ("curl -X DELETE $URL/registrations/user-123/tech-conf-2024", 204, "^$"),
    # With a capacity of 2, users 1 and 2 are confirmed; user 3 waits, and gets the seat of user 1.
    (f"""curl -X PUT $URL/events/tech-conf-2024 {JSON} -d '{{"capacity": 2}}'""", 200, '"capacity":2'),
    *(
        (f"""curl -X POST $URL/users {JSON} -d '{{"userId": "{user}", "name": "Somebody"}}'""", 201, user)
        for user in ("user-1", "user-2", "user-3")
    ),
    *(
        (
            f"""curl -X POST $URL/events/tech-conf-2024/registrations {JSON} -d '{{"userId": "{user}"}}'""",
            201,
            f'"{status}"',
        )
        for user, status in (("user-1", "confirmed"), ("user-2", "confirmed"), ("user-3", "waitlisted"))
    ),
    ("curl -X DELETE $URL/events/tech-conf-2024/registrations/user-1", 204, "^$"),
    ("curl $URL/events/tech-conf-2024/registrations/user-3", 200, '"confirmed"'),
    ("curl $URL/health", 200, '"healthy"'),
    ("curl $URL/", 200, '"docs"'),
]

STORY_WITH_TOKENS = [
    ("curl $URL/events", 200, r'"events":\[\]'),
    (f"curl -X POST $URL/events {JSON} -d '{{}}'", 401, "needs a token"),
    (f"""curl -X POST $URL/events {JSON} -H "Authorization: Bearer $ANN" -d '{{}}'""", 403, "Only an organizer"),
    (
        f"""curl -X POST $URL/events {JSON} -H "Authorization: Bearer $OLGA" -d '{{
            "eventId": "workshop",
            "title": "A workshop",
            "description": "Bring a laptop.",
            "date": "2030-05-01",
            "location": "City Library",
            "capacity": 1,
            "organizer": "User Group"
          }}'""",
        201,
        '"workshop"',
    ),
    # A person is the user of their token, and may leave out its id.
    (f"""curl -X POST $URL/users {JSON} -H "Authorization: Bearer $ANN" -d '{{"name": "Ann"}}'""", 201, '"ann"'),
    (
        f"""curl -X POST $URL/events/workshop/registrations {JSON} -H "Authorization: Bearer $ANN" -d '{{}}'""",
        201,
        '"userId":"ann".*"confirmed"',
    ),
    ("""curl $URL/users/ann/registrations -H "Authorization: Bearer $ANN" """, 200, '"A workshop"'),
    ("""curl $URL/users/ann/registrations -H "Authorization: Bearer $BOB" """, 403, "not that of this token"),
    (
        f"""curl -X POST $URL/registrations {JSON} -H "Authorization: Bearer $BOB" -d '{{
            "userId": "ann",
            "eventId": "workshop"
          }}'""",
        403,
        "not that of this token",
    ),
    # The list of attendees is for the organizer of the event.
    ("""curl $URL/events/workshop/registrations -H "Authorization: Bearer $ANN" """, 403, "Only an organizer"),
    ("""curl $URL/events/workshop/registrations -H "Authorization: Bearer $OSCAR" """, 403, "is not yours"),
    ("""curl $URL/events/workshop/registrations -H "Authorization: Bearer $OLGA" """, 200, '"ann"'),
    ("""curl -X DELETE $URL/events/workshop/registrations/ann -H "Authorization: Bearer $OSCAR" """, 403, "organizer"),
    ("""curl -X DELETE $URL/events/workshop/registrations/ann -H "Authorization: Bearer $ANN" """, 204, "^$"),
]
