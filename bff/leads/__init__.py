"""Leads: anyone may leave an address; a job finds out what kind it is; editors read the list."""

from bff.leads.jobs import enrich_lead
from bff.leads.queries import queries
from bff.leads.routes import capture_lead, list_leads
from clarivum.application import Feature

feature = Feature("leads", owner="growth", routes=[capture_lead, list_leads], jobs=[enrich_lead], queries=queries)
