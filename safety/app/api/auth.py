"""Who may call what. Without tokens the API serves this machine alone (see the settings)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from safety.app.settings import Scope


def require(*scopes: Scope) -> Callable[[Request], None]:
    """A dependency that admits callers with a token of one of `scopes`."""

    def check(request: Request) -> None:
        tokens: Mapping[str, Scope] = request.app.state.parts.settings.api_tokens
        if not tokens:
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        for token, granted in tokens.items():
            if hmac.compare_digest(token.encode(), given.encode()):
                if granted in scopes:
                    return
                raise HTTPException(403, f"this token is not for {' or '.join(scopes)} calls")
        raise HTTPException(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})

    return check


Platform = Annotated[None, Depends(require("platform"))]
Professional = Annotated[None, Depends(require("professional"))]
Either = Annotated[None, Depends(require("platform", "professional"))]
