"""Gives requests a participant, so that they get beyond 401: somebody new, somebody in its turn, or somebody who
has contributed, one after the other."""

import itertools
import json
import os

import requests
import schemathesis
from hypothesis import strategies

COORDINATOR = os.environ["TAULINE_COORDINATOR"]
# Invitations of people who have not been here.
CODES = iter(os.environ["TAULINE_CODES"].split())
# The invitation of somebody who has contributed, and that contribution, sent again, which gets the receipt again.
CONTRIBUTOR = os.environ["TAULINE_CONTRIBUTOR"]
with open(os.environ["TAULINE_CONTRIBUTION"]) as file:
    CONTRIBUTION = json.load(file)

HTTP = requests.Session()


def post(path, token=None, **more):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return HTTP.post(COORDINATOR + path, headers=headers, timeout=20, **more)


def signed_in(code):
    answer = post("/login", json={"invite": code})
    answer.raise_for_status()
    return answer.json()["token"]


class People:
    """Whoever may hold the turn is remembered, to be sent away when somebody else is to have it."""

    def __init__(self):
        self.seen = []
        self.holder = None
        self.contributor = signed_in(CONTRIBUTOR)

    def new(self):
        token = signed_in(next(CODES))
        self.seen.append(token)
        return token

    def in_turn(self):
        if self.holder and self.status(self.holder) == "contributing":
            return self.holder
        for token in self.seen:
            post("/queue/leave", token)
        self.seen = []
        self.holder = self.new()
        post("/queue/join", self.holder).raise_for_status()
        post("/contribution/start", self.holder).raise_for_status()
        return self.holder

    def waiting(self):
        self.in_turn()
        token = self.new()
        post("/queue/join", token).raise_for_status()
        return token

    def done(self):
        return self.contributor

    def status(self, token):
        return post("/queue/checkin", token).json()["queueStatus"]


PEOPLE = People()
TURNS = {}


def participant(case):
    """Whose session a request gets."""
    if case.body == CONTRIBUTION:
        return PEOPLE.done()
    label = case.operation.label
    if label == "GET /metrics":
        return "nobody"
    kinds = [PEOPLE.in_turn, PEOPLE.new, PEOPLE.waiting, PEOPLE.done]
    turns = TURNS.setdefault(label, itertools.cycle(kinds))
    return next(turns)()


@schemathesis.auth(refresh_interval=None)
class Session:
    def get(self, case, context):
        return participant(case)

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """A contribution that is accepted is among the examples."""
    for path in ("/contribution/complete", "/contribute"):
        body = raw_schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        body["example"] = CONTRIBUTION


@schemathesis.hook
def map_query(context, query):
    """Nobody waits here."""
    try:
        wait = float((query or {}).get("wait"))
    except (TypeError, ValueError):
        return query
    if wait > 0.05:
        query["wait"] = 0.05
    return query


@schemathesis.hook
def before_call(context, case, kwargs):
    """All of a document is compared with its schema, so all of it is asked for; parts of it are no JSON."""
    for name in list(case.headers or {}):
        if name.lower() == "range":
            del case.headers[name]
    query = case.query or {}
    if "wait" in query:
        case.query = map_query(context, dict(query))


schemathesis.openapi.media_type("application/msgpack", strategies.binary(max_size=200))
