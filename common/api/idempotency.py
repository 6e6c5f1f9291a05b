"""`Idempotency-Key` on any POST (draft-ietf-httpapi-idempotency-key-header): the same key, the first answer again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from common import idempotency
from common.api.errors import MEDIA_TYPE, problem
from common.models import IdempotencyKey
from common.problems import Invalid, Problem

HEADER = "Idempotency-Key"
KEPT_HEADERS = ("Location", "ETag")
LONGEST_KEY = 200


class Idempotent:
    """Mix into an APIView, before it.

    Answers below 500 are kept, refusals too; not those that say only who may not ask (401, 403), or that it should be asked again.
    """

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        # Read here, before the parser makes a stream of it.
        self._digest = hashlib.sha256(request.get_full_path().encode() + b"\0" + request.body).hexdigest()
        return super().initialize_request(request, *args, **kwargs)  # type: ignore[misc]  # a mix-in: APIView follows

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER, "")
        if request.method != "POST" or not key:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # as above
        self._claim: dict[str, str] | None = None
        try:
            return self._dispatch_once(request, *args, **kwargs)
        except DatabaseError as error:
            # Of the commit: what this refers to has been deleted meanwhile.
            response = self.handle_exception(error)  # type: ignore[attr-defined]  # as above
            return self.finalize_response(self.request, response, *args, **kwargs)  # type: ignore[attr-defined]  # as above

    @transaction.atomic
    def _dispatch_once(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # as above
        if response.status_code >= 500:
            transaction.set_rollback(True)
        elif self._claim and (response.status_code in {401, 403} or _is_to_be_repeated(response)):
            idempotency.forget(**self._claim)
        elif self._claim:
            idempotency.settle(
                **self._claim,
                status=response.status_code,
                body=json.loads(json.dumps(response.data, cls=JSONEncoder)),
                headers={name: response[name] for name in KEPT_HEADERS if name in response},
            )
        return response

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # as above
        key = request.headers.get(HEADER, "")
        if request.method != "POST" or not key:
            return
        if len(key) > LONGEST_KEY:
            raise Invalid(
                [
                    Problem(
                        code="idempotency_key_too_long",
                        message=_("An Idempotency-Key has at most %(count)s characters.") % {"count": LONGEST_KEY},
                        fix=_("Send a UUID."),
                    )
                ]
            )
        caller = f"user:{request.user.pk}" if request.user.is_authenticated else f"anyone:{request.path}"
        first = idempotency.claim(caller=caller, key=key, digest=self._digest, now=timezone.now())
        if first is None:
            self._claim = {"caller": caller, "key": key}
            return
        answer = self._conflict if first.request_digest != self._digest else self._repeat
        # DRF looks its handler up by name after `initial`.
        self.post = lambda *_args, **_kwargs: answer(first)

    def _repeat(self, first: IdempotencyKey) -> Response:
        if first.status == idempotency.ERASED:
            detail = _("This was done, and the answer has been erased since, with the person whom it told of.")
            return Response(problem(410, "answer_erased", detail), status=410, content_type=MEDIA_TYPE)
        media_type = MEDIA_TYPE if (first.status or 0) >= 400 else None
        return Response(first.body, status=first.status, headers=first.headers, content_type=media_type)

    def _conflict(self, _first: IdempotencyKey) -> Response:
        detail = _("This Idempotency-Key was used for another request. Use a new one for each.")
        return Response(problem(422, "idempotency_key_reused", detail), status=422, content_type=MEDIA_TYPE)


def _is_to_be_repeated(response: Response) -> bool:
    return isinstance(response.data, dict) and response.data.get("code") == "changed_meanwhile"
