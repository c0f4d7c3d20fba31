"""Read one's profile; change it if nobody changed it since."""

from bff.profiles.contract import Profile, ProfileChange
from bff.profiles.queries import queries
from clarivum.api import IfMatch, Reply, get, patch, role
from clarivum.auth import Principal
from clarivum.database import Session, Transaction
from clarivum.errors import NOT_FOUND, RequestError


@get("/api/v1/profile", access=role("member"))
async def read_profile(session: Session, principal: Principal) -> Reply[Profile]:
    """Read the caller's profile, made from the token at first sight."""
    profile = await session.maybe(queries.own_profile)
    if profile is None:
        profile = await _create(session, principal)
    return Reply(profile, revision=profile.revision)


@patch("/api/v1/profile", access=role("member"))
async def change_profile(body: ProfileChange, tx: Transaction, revision: IfMatch) -> Reply[Profile]:
    """Change the caller's profile, based on the revision named in If-Match."""
    profile = await tx.maybe(
        queries.change_profile,
        rename="display_name" in body.model_fields_set,
        display_name=body.display_name,
        locale=body.locale,
        marketing_opt_in=body.marketing_opt_in,
        revision=revision.number,
    )
    if profile is None:
        raise revision.stale()
    return Reply(profile, revision=profile.revision)


async def _create(session: Session, principal: Principal) -> Profile:
    """Insert the caller's profile; when another request was faster, read the one it made."""
    async with session.transaction() as tx:
        profile: Profile | None = await tx.maybe(queries.create_profile, email=principal.email)
        if profile is None:
            profile = await tx.maybe(queries.own_profile)
    if profile is None:
        raise RequestError("The profile of this account was erased.", code=NOT_FOUND)
    return profile
