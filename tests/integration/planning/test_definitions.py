"""What a database defines, read as texts."""

import psycopg

from clarivum.database.planning.definitions import read_definitions
from clarivum.testing.postgres import DatabaseUrls


def test_a_long_signature_is_not_cut_to_the_length_of_a_name(database_urls: DatabaseUrls) -> None:
    """Names in the catalog have the type `name`, 63 bytes: as the first part of a union one would cut the others."""
    arguments = ", ".join(f"argument_number_{number} integer" for number in range(8))
    with psycopg.connect(database_urls.admin, autocommit=True) as admin:
        admin.execute(
            f"create function public.long_one({arguments}) returns integer language sql as 'select 1'".encode()
        )
        admin.execute(b"grant execute on function public.long_one to anon")
    found = {definition.of for definition in read_definitions(database_urls.admin)}
    assert f"public.long_one({arguments})" in found
