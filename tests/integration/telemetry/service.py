"""A service of a few lines, run as a real process by the tests: `python service.py <what> [arguments]`."""

import asyncio
import logging
import os
import signal
import sys

from clarivum import telemetry
from clarivum.errors import ClarivumError
from clarivum.settings import Settings

log = telemetry.get_logger("service")
EMAIL = "alice.liddell@example.com"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhdXRoMHxhbGljZSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
PASSWORD = "hunter2-correct-horse"


def request() -> None:
    """One request from a caller's trace, with a statement and a message; prints the message's traceparent."""
    caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    served = telemetry.http_server("POST", "/api/v1/leads", traceparent=caller)
    with telemetry.database_operation("capture_lead", "INSERT", "leads", "clarivum"):
        pass
    with telemetry.job_publish("leads.enrich", "leads_enrich", "pgmq") as headers:
        print(headers["traceparent"], file=sys.stderr)
    served.finish(202)


def job(traceparent: str) -> None:
    with telemetry.job_process("leads.enrich", "leads_enrich", "pgmq", 7, 1, producer_traceparent=traceparent):
        telemetry.database_operation("mark_enriched", "UPDATE", "leads", "clarivum").finish()
        log.info("enriched")


def many(count: str) -> None:
    """Requests as fast as they come, then the page of /metrics on standard error."""
    for _ in range(int(count)):
        telemetry.http_server("GET", "/x").finish(200)
    sys.stderr.write(telemetry.render_prometheus().decode())


def secrets() -> None:
    """Everything that may hold a secret, holds one."""
    plants = [EMAIL, TOKEN, f"Bearer {TOKEN}", f"postgresql://app:{PASSWORD}@db/x", f"password={PASSWORD}"]
    seen = telemetry.counter("service.seen", "Seen.", "1", ("who",))
    for plant in plants:
        served = telemetry.http_server(
            plant, f"/{plant}", traceparent=plant, tracestate=f"a={plant}", baggage=f"b={plant}"
        )
        served.set_attribute("who", plant)
        served.set_attribute("authorization", PASSWORD)
        with telemetry.span(plant, {"note": plant}):
            telemetry.database_operation(plant, plant, plant, plant).finish(plant)
            seen.add(1, plant)
        log.info(plant, who=plant, password=PASSWORD, nested={"cookie": PASSWORD, "list": [plant], plant: plant})
        logging.getLogger("library").warning("%s", plant)
        with telemetry.job_publish(plant, plant, plant) as headers:
            pass
        try:
            with telemetry.job_process(plant, plant, plant, plant, 1, producer_traceparent=headers["traceparent"]):
                _fail(plant)
        except ValueError as error:
            log.exception("job failed")
            served.finish(500, error)
        telemetry.http_server("GET", "/x").finish(500, plant)
    sys.stderr.write(telemetry.render_prometheus().decode())
    raise RuntimeError(f"DETAIL: Key (email)=({EMAIL}) already exists. {TOKEN}")


def _fail(message: str) -> None:
    raise ValueError(message)


def lines(count: str, ending: str) -> None:
    """Log, then end in the way asked for, without a call to `shutdown` unless the way is `shutdown`."""
    for number in range(int(count)):
        log.info("line", number=number)
    if ending == "exit":
        sys.exit(3)
    if ending == "uncaught":
        raise RuntimeError("the end")
    if ending == "terminated":
        asyncio.run(_wait_for_sigterm())
    if ending == "shutdown":
        telemetry.shutdown()


async def _wait_for_sigterm() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()


def loaded(*modules: str) -> None:
    """Which of the modules this process has loaded after serving a request and rendering the page."""
    request()
    telemetry.render_prometheus()
    log.info("loaded", modules=[name for name in modules if name in sys.modules])


WHAT = {"request": request, "job": job, "many": many, "secrets": secrets, "lines": lines, "loaded": loaded}


def main() -> None:
    what, *arguments = sys.argv[1:]
    try:
        role = os.environ.get("ROLE", "worker" if what == "job" else "api")
        telemetry.configure(Settings.load(os.environ), role=role)
    except ClarivumError as error:
        print(error, file=sys.stderr)
        sys.exit(error.code.exit)
    WHAT[what](*arguments)
    if what != "lines":
        telemetry.shutdown(float(os.environ.get("SHUTDOWN_S", "5")))


if __name__ == "__main__":
    main()
