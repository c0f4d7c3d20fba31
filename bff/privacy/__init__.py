"""Privacy: all of a member's data as a file, a member's erasure, and leads that are forgotten."""

from bff.privacy.jobs import anonymise_leads, delete_exports, erase_member, export_data, reconcile_privacy
from bff.privacy.queries import queries
from bff.privacy.routes import cancel_erasure, read_export, read_file, request_erasure, request_export
from clarivum.application import Feature

feature = Feature(
    "privacy",
    owner="membership",
    routes=[request_export, read_export, read_file, request_erasure, cancel_erasure],
    jobs=[export_data, delete_exports, erase_member, reconcile_privacy, anonymise_leads],
    queries=queries,
)
