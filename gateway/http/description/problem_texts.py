"""What each type of problem means and what to do: the pages behind `type`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.http import problems as p

LOOK_FIRST: Final = "If you asked for a change, look whether it was made before you ask again."

TEXTS: Final[Mapping[p.Kind, str]] = MappingProxyType(
    {
        p.UNAUTHENTICATED: (
            "No token came with the request, or one that nobody has. Send `Authorization: Bearer TOKEN` once, with "
            "the token of the gateway or your own; a token that was replaced is not known any more."
        ),
        p.TOKEN_NOT_SET: (
            "The gateway was started without tokens, so it refuses everything. Set `TALLYSTICK_API_TOKEN_FILE` or "
            "`TALLYSTICK_CALLERS_FILE`, and restart it."
        ),
        p.FORBIDDEN: (
            "Your token lacks the permission that `detail` names. Ask somebody who has it, or have it added to your "
            "entry in the file of callers."
        ),
        p.OUT_OF_REACH: (
            "You may see and change some entities or legal entities only, and this lies outside of them, or is a list"
            " of everything. What does not exist is refused in the same way."
        ),
        p.RATE_LIMITED: (
            "You ask more often than `TALLYSTICK_API_RATE` allows one caller. Nothing was done. Wait the seconds in "
            "`Retry-After`, then ask again; longer pages (`limit`) take fewer requests."
        ),
        p.KEY_NOT_FOUND: ("No API key has this number: `GET /v1/api-keys` lists all that were ever made."),
        p.KEY_NAME_TAKEN: (
            "There is, or was, a key of this name, and the audit must mean one by it. Take another name. If you have "
            "sent the same request twice, the first one made the key: if its answer was lost, revoke it."
        ),
        p.KEY_TOO_WIDE: (
            "A key allows at most what whoever makes it may do, and is made by a person: with a key none is made. "
            "`detail` says what is too much."
        ),
        p.REQUEST_INVALID: (
            "A part of the request is not as it must be: `detail` names each, and what to write. Nothing was done."
        ),
        p.NOT_FOUND: ("No route has this path. The description of the API lists all of them."),
        p.METHOD_NOT_ALLOWED: (
            "The path is there, and does not take this method: the header `Allow` names those that it takes."
        ),
        p.MESSAGE_NOT_FOUND: (
            "No message has this reference, or it is older than the policy keeps messages. `GET /v1/messages?id=` "
            "finds messages by the id that their source gave them."
        ),
        p.ENTITY_NOT_FOUND: (
            "No message ever named this key. Keys are compared byte by byte: look at the spelling, and percent-encode"
            " a slash in it as `%2F`."
        ),
        p.LANE_NOT_FOUND: ("Nothing was ever heard of this key. Look at the spelling, and at `GET /v1/lanes`."),
        p.LANE_CHANGED: (
            "Another message stands at the head of the lane than the one that you named: somebody acted, or it went "
            "on by itself. Read the lane again, and decide on what stands there now."
        ),
        p.LANE_KILLS: (
            "The process ended while it had this message in hand, more than once. Discard it; or install a release "
            'that can take it, and retry with `"force": true`.'
        ),
        p.COMMAND_NOT_FOUND: ("The key has no such command that is not settled. Read the lane again."),
        p.COMMAND_CHANGED: (
            "The command was tried again since you looked, so what you found out may be overtaken. Read the lane "
            "again, look in the system once more, and say what is there now."
        ),
        p.COMMAND_IN_USE: (
            "The command may be sent at any time, so nobody can say what the system has. Pause the key or the system,"
            " and wait until it is not being sent."
        ),
        p.PAUSE_NOT_FOUND: (
            "No such pause is in force: it was ended, or the key is paused by a wider one. Look at `GET /v1/pauses`."
        ),
        p.SYSTEM_NOT_FOUND: (
            "The policy file lists no system of this name, and nothing is left of one. `GET /v1/systems` lists those "
            "that there are."
        ),
        p.SYSTEM_UNREADABLE: (
            "The books of this system cannot be read, so nothing can be compared with them. Give it `postings` in the"
            " policy file, if it has them."
        ),
        p.SYSTEM_BUILT_IN: (
            "`self` stands for what the gateway asks of itself and is never paused. Pause what asks: an entity, a "
            "legal entity, or everything."
        ),
        p.RECON_NOT_FOUND: ("No reconciliation has this number. Look at `GET /v1/reconciliations`."),
        p.RECON_NOT_DONE: ("The run has not come to its end, or has failed. Wait for it, or begin another one."),
        p.RECON_DONE: ("The run has come to its end, so there is nothing to cancel. What it has found stays."),
        p.RECON_PLAN_OPEN: (
            "Two plans for one system would take the same entries back. Have the case of the plan that `detail` names"
            " settled, then plan again."
        ),
        p.RECON_NOTHING: (
            "None of the differences can be repaired by commands. Ask with `dry_run` for the reason of each."
        ),
        p.REPLAY_NOT_FOUND: (
            "No replay or plan has this number, or no plan this token. Look at `GET /v1/replays` and `GET "
            "/v1/replays/plans`."
        ),
        p.REPLAY_NOTHING: (
            "No message that stands still is what the filter says. Widen it, and look at `GET /v1/lanes` and `GET "
            "/v1/cases`; what is under way needs no replay."
        ),
        p.REPLAY_TOO_LARGE: (
            "One plan would hold too many messages; `detail` says how many. Narrow the filter by entity, code, "
            "source, or time, and plan several replays."
        ),
        p.REPLAY_EXPIRED: (
            "Since the plan was made too much may have changed for its predictions to hold. Plan again, and look at "
            "what it says now."
        ),
        p.REPLAY_OVERTAKEN: (
            "What a plan says is of the policy under which it was made. Plan again; or resume a replay that is under "
            "way with `policy`, the one that is in force, knowing that what is left may do what its plan does not say."
        ),
        p.REPLAY_NO_POLICY: (
            "A replay that sends commands again decides nothing, so it goes on under any policy, and nothing was done. "
            "Send the same without `policy`."
        ),
        p.REPLAY_ELSEWHERE: (
            "The plan was started already, or the replay is not where this is done: only one that is paused is "
            "resumed, and one that has ended is left as it is."
        ),
        p.MESSAGE_ELSEWHERE: (
            "The message is not in the state that this is for: what stands in a lane is edited, what is stale is "
            "forced, what was discarded comes back. `GET /v1/messages/{ref}` says how it stands."
        ),
        p.MESSAGE_OVERTAKEN: (
            "Something later of its key was applied since it was discarded, so it cannot come back in its order. Let "
            "its source publish what is still wanted as a new event."
        ),
        p.EDIT_INVALID: (
            "The message that the edit would make is refused as it would be if it arrived now; `detail` names the "
            "field. Nothing was changed."
        ),
        p.LETTER_NOT_FOUND: ("No dead letter has this digest. Look at `GET /v1/dead-letters`."),
        p.LETTER_REFUSED: (
            "The same bytes still cannot become a message, for the reason in `detail`. Mend that, in the policy file "
            "or by an update, and retry; or let the sender publish a better one, and discard this one."
        ),
        p.LETTER_CUT: (
            "It was too large, or not all text, so not all of it was kept. Let its sender publish it again, then "
            "discard this one."
        ),
        p.LETTER_SETTLED: (
            "Somebody has admitted or discarded it before: `GET /v1/dead-letters/{digest}` says who, and why."
        ),
        p.SHUTTING_DOWN: (
            "The process is being stopped and begins nothing new. Ask again in a few seconds, or another process. "
            "`/runbook/draining` says more."
        ),
        p.CASE_NOT_FOUND: ("No case has this number. Look at `GET /v1/cases`."),
        p.CASE_CHANGED: (
            "The case is not as you have seen it: somebody acted, or it asks for something else now. Read it again, "
            "and decide on what it is."
        ),
        p.CASE_ACT_REFUSED: (
            "What stands there does not take this act, for the reason in `detail`. The case says in `can` and "
            "`cannot` what can be done about it."
        ),
        p.PRECONDITION_MISSING: (
            "This changes what you have seen, so say what that was: send the `ETag` of the case in the header "
            "`If-Match`."
        ),
        p.ROLE_MISSING: ("The case belongs to a role that you do not have. `owner` of the case names it."),
        p.CLICK_REUSED: (
            "This `Idempotency-Key` came with another request before. Send a new one with each new request, and the "
            "old one only to ask for the same again."
        ),
        p.APPROVAL_NEEDED: (
            "The request is larger than the policy's `four_eyes` lets one person do, or puts other rules in force for "
            "who must allow what. Nothing was done. Have another person with the permission `operate` send what "
            "`detail` says, then send exactly the same request again."
        ),
        p.APPROVAL_REFUSED: (
            "Nobody asks for this now, or you have asked for it yourself: then somebody else must allow it. With an "
            "API key nothing is allowed: use your own token. What was allowed counts once, for 24 hours; the audit has "
            "who asked for what (`approval.ask`)."
        ),
        p.BINDINGS_CONFLICT: (
            "Some rows contradict what is known, so nothing was imported. Ask with `dry_run` for the report, and "
            "correct these rows, or leave them out with `skip_conflicts`."
        ),
        p.RESTORE_CONFLICT: ("The restore has not come to where this is done, or is past it: see `GET /v1/restore`."),
        p.POLICY_NOT_FOUND: ("No policy with this hash was ever loaded: `GET /v1/mappings` lists those that were."),
        p.POLICY_NEEDS_RESTART: (
            "The file changes parts that are made at the start, which `detail` names. Restart the gateway with it, or"
            " leave them as they are. Nothing was changed."
        ),
        p.POLICY_INVALID: ("The policy has mistakes; `detail` names each with its line. Nothing was changed."),
        p.BODY_TOO_SLOW: ("The body did not arrive in time. Send it at once."),
        p.BODY_TOO_LARGE: ("The body is larger than this route takes; `detail` says how much. Send it in parts."),
        p.ISSUER_UNAVAILABLE: (
            "The keys of whoever signed your token cannot be had, so nobody can tell whose it is. Ask again in a "
            "minute; `keys_unavailable` in the log says why. Tokens of the gateway's own files work."
        ),
        p.STORE_UNAVAILABLE: (
            "The database does not take work now, or did not answer in time. Ask again after the seconds in "
            f"`Retry-After`. {LOOK_FIRST} `/runbook/postgresql` says what to do."
        ),
        p.TIMED_OUT: (f"The gateway gave up the answer, as it took too long. Ask for less, or again. {LOOK_FIRST}"),
        p.INTERNAL: (f"The gateway has made a mistake, and its log has it as `request_failed`. {LOOK_FIRST}"),
    }
)
